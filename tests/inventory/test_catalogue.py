import pytest
import sqlalchemy as sa

from core.db import db, writing
from inventory.catalogue import Catalogue, NamelessVehicle, canonical_make
from inventory.models import CarModel, Make, Trim

pytestmark = pytest.mark.usefixtures("app")


def entry(make, model, trim="", catalogue=None):
    with writing():
        return (catalogue or Catalogue()).find_or_make(make, model, trim)


def count(table):
    return db.session.scalar(sa.select(sa.func.count()).select_from(table))


@pytest.mark.parametrize("name", ["VW", "vw - VolksWagen", "VOLKSWAGEN", "Volks", "volkswagen"])
def test_every_spelling_of_a_make_is_one_make(name):
    assert canonical_make(name) == "Volkswagen"


def test_gm_is_chevrolet():
    assert entry("GM - Chevrolet", "Onix").make == "Chevrolet"


def test_first_spelling_of_a_model_wins():
    first = entry("Honda", "HR-V", "EXL")
    again = entry("HONDA", "hrv", "exl")
    assert again == first
    assert (first.model_name, first.trim) == ("HR-V", "EXL")
    assert (count(Make), count(CarModel), count(Trim)) == (1, 1, 1)


def test_plus_makes_another_model():
    assert entry("Chevrolet", "Onix+").car_model_id != entry("Chevrolet", "Onix").car_model_id


def test_engine_sizes_stay_apart():
    assert entry("Fiat", "Uno", "1.0").trim_id != entry("Fiat", "Uno", "10").trim_id


def test_looking_up_adds_nothing():
    assert Catalogue().look_up("Fiat", "Argo") is None
    assert count(Make) == 0


def test_a_name_without_letters_is_refused():
    with pytest.raises(NamelessVehicle), writing():
        Catalogue().find_or_make("***", "Argo")


def test_a_known_name_costs_no_statement(statements):
    catalogue = Catalogue()
    entry("Fiat", "Argo", "Drive", catalogue)
    del statements[:]
    catalogue.look_up("Fiat", "Argo", "Drive")
    assert statements == []
