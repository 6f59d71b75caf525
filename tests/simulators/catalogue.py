"""Makes, models and versions as a portal numbers them. Its numbers are of its own making."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from inventory.reference import reference_trims

CAR, MOTORCYCLE = "C", "M"
# kind, then number and name of make, model and version
Row = tuple[str, int, str, int, str, int, str]


@dataclass
class Catalogue:
    """Three lists, each entry below one of the list before it. Numbers are text."""

    makes: dict[str, tuple[str, str]] = field(default_factory=dict)  # name, kind
    models: dict[str, tuple[str, str]] = field(default_factory=dict)  # name, make
    trims: dict[str, tuple[str, str]] = field(default_factory=dict)  # name, model

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Catalogue":
        """The catalogue of `rows`."""
        made = cls()
        for kind, make, make_name, model, model_name, trim, trim_name in rows:
            made.makes[str(make)] = (make_name, kind)
            made.models[str(model)] = (model_name, str(make))
            made.trims[str(trim)] = (trim_name, str(model))
        return made

    def widen(self) -> None:
        """Adds what the reference of our own catalogue knows, so that a whole stock finds its
        words here: names in capitals, as portals write them."""
        for one in reference_trims():
            kind = MOTORCYCLE if one.body == "motorcycle" else CAR
            make = self._code(self.makes, one.make.upper(), kind)
            model = self._code(self.models, one.model_name.upper(), make)
            self._code(self.trims, (one.trim or one.model_name).upper(), model)

    @staticmethod
    def _code(entries: dict[str, tuple[str, str]], name: str, above: str) -> str:
        for code, entry in entries.items():
            if entry == (name, above):
                return code
        code = str(max(map(int, entries), default=0) + 1)
        entries[code] = (name, above)
        return code

    def makes_of(self, *kinds: str) -> Iterator[tuple[str, str]]:
        """(number, name) of the makes of these kinds."""
        return ((code, name) for code, (name, kind) in self.makes.items() if kind in kinds)

    def models_of(self, make: str) -> Iterator[tuple[str, str]]:
        """(number, name) of the models of a make."""
        return ((code, name) for code, (name, above) in self.models.items() if above == make)

    def trims_of(self, model: str) -> Iterator[tuple[str, str]]:
        """(number, name) of the versions of a model."""
        return ((code, name) for code, (name, above) in self.trims.items() if above == model)

    def model_of(self, trim: str) -> str:
        """The model a version belongs to, or ""."""
        return self.trims.get(trim, ("", ""))[1]

    def make_of(self, model: str) -> str:
        """The make a model belongs to, or ""."""
        return self.models.get(model, ("", ""))[1]

    def kind_of(self, trim: str) -> str:
        """C, M, or "" of an unknown version."""
        return self.makes.get(self.make_of(self.model_of(trim)), ("", ""))[1]
