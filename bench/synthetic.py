"""A believable stock without a database, deterministic by seed: what the engine is measured on."""

import random
from typing import Final

from inventory.search.columns import Columns, Facts
from inventory.vocabulary import codes, public_value

# Make: its models with body, the price of a new one in thousands of reais, and a weight.
CATALOGUE: Final = {
    "Fiat": {"Argo": ("hatch", 85), "Mobi": ("hatch", 70), "Strada": ("pickup", 110),
             "Toro": ("pickup_cd", 160), "Uno": ("hatch", 60), "Pulse": ("suv", 110),
             "Fastback": ("suv", 135), "Cronos": ("sedan", 95), "500": ("hatch", 200)},
    "Chevrolet": {"Onix": ("hatch", 88), "Onix Plus": ("sedan", 98), "Tracker": ("suv", 135),
                  "S10": ("pickup_cd", 230), "Cruze": ("sedan", 140), "Spin": ("minivan", 115),
                  "Montana": ("pickup_cd", 125), "Prisma": ("sedan", 65)},
    "Volkswagen": {"Gol": ("hatch", 65), "Polo": ("hatch", 95), "T-Cross": ("suv", 140),
                   "Nivus": ("suv", 135), "Virtus": ("sedan", 110), "Saveiro": ("pickup", 100),
                   "Golf": ("hatch", 150), "Amarok": ("pickup_cd", 280), "Fox": ("hatch", 55)},
    "Hyundai": {"HB20": ("hatch", 88), "HB20S": ("sedan", 95), "Creta": ("suv", 140),
                "Tucson": ("suv", 150)},
    "Toyota": {"Corolla": ("sedan", 160), "Corolla Cross": ("suv", 185), "Yaris": ("hatch", 100),
               "Hilux": ("pickup_cd", 290), "SW4": ("suv", 380), "Etios": ("hatch", 60)},
    "Honda": {"Civic": ("sedan", 150), "HR-V": ("suv", 160), "City": ("sedan", 125),
              "Fit": ("hatch", 85), "CR-V": ("suv", 260)},
    "Jeep": {"Renegade": ("suv", 130), "Compass": ("suv", 185), "Commander": ("suv", 240)},
    "Renault": {"Kwid": ("hatch", 70), "Sandero": ("hatch", 75), "Duster": ("suv", 120),
                "Logan": ("sedan", 75), "Oroch": ("pickup_cd", 115)},
    "Ford": {"Ka": ("hatch", 55), "EcoSport": ("suv", 80), "Ranger": ("pickup_cd", 260),
             "Fusion": ("sedan", 110), "Fiesta": ("hatch", 50)},
    "Nissan": {"Kicks": ("suv", 120), "Versa": ("sedan", 100), "Frontier": ("pickup_cd", 240),
               "March": ("hatch", 50)},
    "Peugeot": {"208": ("hatch", 90), "2008": ("suv", 120), "3008": ("suv", 220)},
    "Citroën": {"C3": ("hatch", 80), "C4 Cactus": ("suv", 110), "Aircross": ("suv", 105)},
    "Mitsubishi": {"L200 Triton": ("pickup_cd", 230), "ASX": ("suv", 110)},
    "BMW": {"320i": ("sedan", 320), "X1": ("suv", 300), "118i": ("hatch", 240)},
    "Mercedes-Benz": {"C 180": ("sedan", 310), "GLA 200": ("suv", 300), "Classe A": ("hatch", 260)},
    "Audi": {"A3": ("sedan", 260), "Q3": ("suv", 290), "A4": ("sedan", 310)},
    "Kia": {"Sportage": ("suv", 200), "Cerato": ("sedan", 110), "Picanto": ("hatch", 50)},
    "CAOA Chery": {"Tiggo 5X": ("suv", 130), "Tiggo 7": ("suv", 165), "Arrizo 5": ("sedan", 90)},
    "BYD": {"Dolphin": ("hatch", 150), "Song Plus": ("suv", 240), "Seal": ("sedan", 290)},
    "Suzuki": {"Jimny": ("suv", 130), "Vitara": ("suv", 110)},
}  # fmt: skip
TRIMS: Final = (
    "1.0", "1.0 LT", "1.0 LTZ Turbo", "1.0 Turbo Premier", "1.6 MSI", "1.0 TSI Highline",
    "1.3 Drive", "1.8 Trekking", "2.0 Touring", "1.5 EXL", "1.6 Sense", "1.4 Active", "2.0 XEi",
    "1.3 Turbo Volcano", "2.8 4x4 Diesel", "1.0 Comfort", "GTI", "1.6 SE",
)  # fmt: skip
STORES: Final = (("centro", "Loja Centro", "Campinas"), ("norte", "Loja Norte", "Campinas"),
                 ("litoral", "Loja Litoral", "Santos"), ("serra", "Loja Serra", "Jundiaí"),
                 ("capital", "Loja Capital", "São Paulo"))  # fmt: skip
_SINCE: Final = 1_700_000_000


def slug(name: str) -> str:
    """Enough of a slug for the names above."""
    return name.lower().replace(" ", "-").replace("ë", "e").replace("í", "i").replace("ã", "a")


def columns(count: int, seed: int = 1) -> Columns:
    """`count` listed vehicles. Popular makes, recent years and common fuels come more often."""
    dice = random.Random(seed)
    stock = Columns()
    makes = list(CATALOGUE)
    weights = [1 / (place + 1) ** 0.8 for place in range(len(makes))]
    for number, make in enumerate(dice.choices(makes, weights, k=count), start=1):
        stock.append(vehicle(number, make, dice))
    describe(stock)
    return stock


def vehicle(number: int, make: str, dice: random.Random) -> Facts:
    """One vehicle of `make`."""
    model, (body, price) = dice.choice(list(CATALOGUE[make].items()))
    year = 2026 - min(int(dice.expovariate(0.2)), 24)
    age = 2026 - year
    is_new = age == 0 and dice.random() < 0.5
    fuel = "diesel" if body == "pickup_cd" and price > 200 else "electric" if make == "BYD" else (
        dice.choices(("flex", "gasoline", "hybrid", "cng_flex", "ethanol"), (80, 12, 4, 2, 1))[0]
    )  # fmt: skip
    store, _name, city = dice.choice(STORES)
    make_slug = slug(make)
    model_value = f"{make_slug}/{slug(model)}"
    cents = int(price * 1000 * 0.9**age * dice.uniform(0.85, 1.15)) // 100 * 100 * 100
    return Facts(
        id=number,
        price_cents=max(cents, 9_900_00),
        model_year=year,
        mileage_km=0 if is_new else None if dice.random() < 0.01 else
        int(age * dice.uniform(4_000, 18_000)) + 500,
        published=_SINCE + dice.randrange(60_000_000),
        highlight_rank=dice.randrange(12) if dice.random() < 0.002 else None,
        is_reserved=dice.random() < 0.01,
        single=(
            make_slug, model_value, f"{model_value}/{dice.choice(TRIMS)}",
            "new" if is_new else "used", body,
            dice.choices(("manual", "automatic", "cvt", "dct", "automated"), (45, 35, 12, 5, 3))[0],
            fuel,
            dice.choices(codes("color"), [40, 22, 20, 18, 8, 6, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1])[0],
            store, slug(city), str(year), dice.choice(("1.0", "1.0 Turbo", "1.6", "2.0", "2.8")),
        ),
        multiple=(
            tuple(dice.sample(codes("feature"), dice.randrange(2, 26))),
            ("Teto preto",) if dice.random() < 0.01 else (),
            ("single_owner",) if dice.random() < 0.3 else (),
        ),
    )  # fmt: skip


def describe(stock: Columns) -> None:
    """The words and labels of the values that occur, as loading from a database notes them."""
    names = {("make", slug(make)): make for make in CATALOGUE}
    names |= {
        ("model", f"{slug(make)}/{slug(model)}"): model
        for make, models in CATALOGUE.items()
        for model in models
    }
    for value, name, city in STORES:
        names["store", value] = name
        names["city", slug(city)] = city
    for kind, column in stock.single.items():
        for value in column.values:
            shown = names.get((kind, value))
            if shown is not None:
                stock.labels[kind, value] = shown
            plain = value.split("/", 2)[2] if kind == "trim" else value
            if kind in {"condition", "body", "transmission", "fuel", "color"}:
                plain = public_value(kind, value)
            stock.texts[kind, value] = shown or plain
    for kind, rows_of in stock.multiple.items():
        for value in rows_of:
            public = public_value("feature" if kind == "feature" else "history", value)
            stock.texts[kind, value] = public
