"""The makes, models and trims that the demo group deals in, and what they cost.

Names, engines and equipment follow the Brazilian market. Prices are our own estimate for
`REFERENCE_YEAR`: `new_price` is what a trim costs new or, when it is no longer made, what its
equal would cost new. Everything else about money derives from it through `table_price_cents`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

REFERENCE_YEAR: Final = 2026
LATEST_MODEL_YEAR: Final = REFERENCE_YEAR + 1
OLDEST_MODEL_YEAR: Final = 2013

# What is left of the new price by age in model years: index 0 is this year's model, used.
_VALUE_LEFT: Final = (
    0.920, 0.862, 0.806, 0.752, 0.702, 0.656, 0.613, 0.573, 0.536, 0.501, 0.469, 0.439, 0.411,
    0.385,
)  # fmt: skip
# Electric cars lose value faster: batteries age and newer ones get cheaper.
_ELECTRIC_YEARLY: Final = 0.965
# Real codes begin with 0, 5 or 8; a code of ours can never be taken for one of theirs.
_OWN_CODES_FROM: Final = 900_001


@dataclass(frozen=True, slots=True)
class MarketTrim:
    """One trim as the market knew it from `first` to `last` (model years).

    `level` is its equipment from 1 (bare) to 5 (everything); `new_price` in thousands of reais;
    `power_hp` in metric horsepower. `body` and `doors` override the model's.
    """

    name: str
    engine: str
    power_hp: int
    fuel: str
    transmission: str
    level: int
    new_price: int
    first: int
    last: int
    body: str = ""
    doors: int = 0


@dataclass(frozen=True, slots=True)
class MarketModel:
    """One model: `share` says how often it stands on a lot, `keep` is how well it holds its value
    (a factor a year, 1 is the market), `wmi` begins its chassis numbers."""

    make: str
    name: str
    body: str
    doors: int
    share: int
    keep: float
    wmi: str
    trims: tuple[MarketTrim, ...]


@dataclass(frozen=True, slots=True)
class MarketEntry:
    """A trim with its model and its code in our own price table."""

    model: MarketModel
    trim: MarketTrim
    fipe_code: str

    @property
    def body(self) -> str:
        return self.trim.body or self.model.body

    @property
    def doors(self) -> int:
        return self.trim.doors or self.model.doors

    @property
    def is_sold_new(self) -> bool:
        return self.trim.last >= LATEST_MODEL_YEAR


def table_price_cents(entry: MarketEntry, model_year: int, *, is_new: bool = False) -> int:
    """The reference price of `entry` in cents, to the real: the same for every car of that trim
    and model year, as with any price table."""
    price = entry.trim.new_price * 1000.0
    if not is_new:
        age = min(max(REFERENCE_YEAR - model_year, 0), len(_VALUE_LEFT) - 1)
        yearly = entry.model.keep
        if entry.trim.fuel in {"electric", "plugin_hybrid"}:
            yearly *= _ELECTRIC_YEARLY
        price *= _VALUE_LEFT[age] * yearly**age
        price *= 1.02 if model_year > REFERENCE_YEAR else 1.0
    # Tables never end in round thousands.
    code = int(entry.fipe_code[:6])
    wobble = ((code * 7919 + model_year * 104_729) % 1997) - 998
    return round(price + wobble) * 100


# Short names, so that a trim is one line of the tables below.
T = MarketTrim
F, G, D, E = "flex", "gasoline", "diesel", "electric"
MAN, AUT, CVT, DCT, ONE = "manual", "automatic", "cvt", "dct", "single_speed"
CD = "pickup_cd"

_CHEVROLET: Final = (
    ("Onix", "hatch", 4, 12, 1.0, "9BG", (
        T("1.0 Joy", "1.0", 80, F, MAN, 1, 82, 2017, 2021),
        T("1.4 LTZ Automático", "1.4", 106, F, AUT, 3, 94, 2014, 2019),
        T("1.0 LT", "1.0", 82, F, MAN, 2, 99, 2020, 2027),
        T("1.0 Turbo LT Automático", "1.0 Turbo", 116, F, AUT, 3, 114, 2020, 2027),
        T("1.0 Turbo Premier Automático", "1.0 Turbo", 116, F, AUT, 4, 126, 2020, 2027),
    )),
    ("Onix Plus", "sedan", 4, 7, 1.0, "9BG", (
        T("1.0 LT", "1.0", 82, F, MAN, 2, 104, 2020, 2027),
        T("1.0 Turbo LTZ Automático", "1.0 Turbo", 116, F, AUT, 3, 122, 2020, 2027),
        T("1.0 Turbo Premier Automático", "1.0 Turbo", 116, F, AUT, 4, 132, 2020, 2027),
    )),
    ("Tracker", "suv", 4, 8, 1.0, "9BG", (
        T("1.4 Turbo Premier Automático", "1.4 Turbo", 153, F, AUT, 4, 148, 2017, 2019),
        T("1.0 Turbo LT Automático", "1.0 Turbo", 116, F, AUT, 3, 142, 2021, 2027),
        T("1.2 Turbo Premier Automático", "1.2 Turbo", 133, F, AUT, 5, 181, 2021, 2027),
    )),
    ("Cruze", "sedan", 4, 4, 0.985, "8AG", (
        T("1.4 Turbo LT Automático", "1.4 Turbo", 153, F, AUT, 3, 148, 2017, 2023),
        T("1.4 Turbo Premier Automático", "1.4 Turbo", 153, F, AUT, 5, 170, 2018, 2023),
    )),
    ("Spin", "minivan", 4, 4, 1.0, "9BG", (
        T("1.8 LT", "1.8", 111, F, MAN, 2, 112, 2014, 2024),
        T("1.8 Premier 7 Lugares Automático", "1.8", 111, F, AUT, 4, 146, 2019, 2027),
    )),
    ("Montana", CD, 4, 3, 1.0, "9BG", (
        T("1.2 Turbo LT", "1.2 Turbo", 133, F, MAN, 2, 136, 2023, 2027),
        T("1.2 Turbo Premier Automático", "1.2 Turbo", 133, F, AUT, 4, 163, 2023, 2027),
    )),
    ("S10", CD, 4, 5, 1.01, "9BG", (
        T("2.5 LT Cabine Dupla 4x2", "2.5", 206, F, MAN, 3, 182, 2015, 2021),
        T("2.8 LTZ Cabine Dupla 4x4 Turbo Diesel Automática", "2.8 Turbo Diesel", 200, D, AUT, 4,
          272, 2014, 2024),
        T("2.8 High Country Cabine Dupla 4x4 Turbo Diesel Automática", "2.8 Turbo Diesel", 207, D,
          AUT, 5, 322, 2017, 2027),
    )),
    ("Equinox", "suv", 4, 2, 0.975, "3GN", (
        T("2.0 Turbo Premier AWD", "2.0 Turbo", 262, G, AUT, 5, 238, 2018, 2021),
        T("1.5 Turbo Premier AWD", "1.5 Turbo", 172, G, AUT, 5, 252, 2020, 2024),
    )),
)  # fmt: skip

_FIAT: Final = (
    ("Mobi", "hatch", 4, 5, 0.995, "9BD", (
        T("1.0 Easy", "1.0", 75, F, MAN, 1, 69, 2017, 2021),
        T("1.0 Like", "1.0", 74, F, MAN, 2, 79, 2017, 2027),
        T("1.0 Trekking", "1.0", 74, F, MAN, 2, 83, 2021, 2027),
    )),
    ("Uno", "hatch", 4, 3, 1.0, "9BD", (
        T("1.0 Vivace", "1.0", 75, F, MAN, 1, 70, 2013, 2016),
        T("1.0 Attractive", "1.0", 77, F, MAN, 1, 76, 2015, 2021),
    )),
    ("Argo", "hatch", 4, 8, 0.995, "9BD", (
        T("1.0 Drive", "1.0", 75, F, MAN, 2, 93, 2018, 2027),
        T("1.3 Drive CVT", "1.3", 107, F, CVT, 3, 105, 2023, 2027),
        T("1.3 Trekking", "1.3", 109, F, MAN, 3, 98, 2020, 2022),
        T("1.8 HGT Automático", "1.8", 139, F, AUT, 4, 112, 2018, 2021),
    )),
    ("Cronos", "sedan", 4, 4, 0.995, "8AP", (
        T("1.0 Drive", "1.0", 75, F, MAN, 2, 101, 2022, 2027),
        T("1.3 Precision CVT", "1.3", 107, F, CVT, 4, 122, 2023, 2027),
        T("1.8 Precision Automático", "1.8", 139, F, AUT, 4, 112, 2018, 2021),
    )),
    ("Pulse", "suv", 4, 5, 0.99, "9BD", (
        T("1.3 Drive CVT", "1.3", 107, F, CVT, 3, 116, 2022, 2027),
        T("1.0 Turbo 200 Audace CVT", "1.0 Turbo", 130, F, CVT, 3, 128, 2022, 2024),
        T("1.0 Turbo 200 Impetus CVT", "1.0 Turbo", 130, F, CVT, 4, 141, 2022, 2024),
        T("1.0 Turbo 200 Hybrid Impetus CVT", "1.0 Turbo", 130, "mild_hybrid", CVT, 5, 146,
          2025, 2027),
        T("1.3 Turbo 270 Abarth Automático", "1.3 Turbo", 185, F, AUT, 5, 158, 2023, 2027),
    )),
    ("Fastback", "suv", 4, 5, 0.99, "9BD", (
        T("1.0 Turbo 200 Audace CVT", "1.0 Turbo", 130, F, CVT, 4, 140, 2023, 2024),
        T("1.0 Turbo 200 Hybrid Impetus CVT", "1.0 Turbo", 130, "mild_hybrid", CVT, 5, 163,
          2025, 2027),
        T("1.3 Turbo 270 Limited Edition by Abarth Automático", "1.3 Turbo", 185, F, AUT, 5, 175,
          2023, 2027),
    )),
    ("Strada", CD, 4, 12, 1.02, "9BD", (
        T("1.4 Working Cabine Simples", "1.4", 88, F, MAN, 1, 92, 2014, 2020, "pickup", 2),
        T("1.3 Endurance Cabine Plus", "1.3", 107, F, MAN, 1, 111, 2021, 2027, "pickup", 2),
        T("1.3 Freedom Cabine Plus", "1.3", 107, F, MAN, 2, 118, 2021, 2027, "pickup", 2),
        T("1.3 Freedom Cabine Dupla", "1.3", 107, F, MAN, 3, 126, 2021, 2027),
        T("1.3 Volcano Cabine Dupla CVT", "1.3", 107, F, CVT, 4, 138, 2022, 2027),
        T("1.0 Turbo 200 Ranch Cabine Dupla CVT", "1.0 Turbo", 130, F, CVT, 4, 147, 2024, 2027),
    )),
    ("Toro", CD, 4, 8, 1.0, "988", (
        T("1.8 Freedom Automática", "1.8", 139, F, AUT, 3, 145, 2017, 2021),
        T("1.3 Turbo 270 Volcano Automática", "1.3 Turbo", 185, F, AUT, 4, 176, 2022, 2027),
        T("2.0 Ranch 4x4 Turbo Diesel Automática", "2.0 Turbo Diesel", 170, D, AUT, 5, 216,
          2018, 2024),
    )),
    ("Weekend", "wagon", 4, 1, 0.99, "9BD", (
        T("1.4 Attractive", "1.4", 88, F, MAN, 2, 88, 2013, 2018),
        T("1.8 Adventure", "1.8", 132, F, MAN, 3, 102, 2013, 2020),
    )),
    ("Fiorino", "van", 3, 2, 1.01, "9BD", (
        T("1.4 Hard Working", "1.4", 88, F, MAN, 1, 99, 2015, 2020),
        T("1.3 Endurance", "1.3", 107, F, MAN, 1, 118, 2025, 2027),
    )),
    ("500", "convertible", 2, 1, 0.97, "3C3", (
        T("1.4 Cabrio Automático", "1.4", 105, G, AUT, 4, 148, 2013, 2016),
    )),
)  # fmt: skip

_VOLKSWAGEN: Final = (
    ("Polo", "hatch", 4, 9, 1.0, "9BW", (
        T("1.0 Track", "1.0", 84, F, MAN, 2, 95, 2023, 2027),
        T("1.6 MSI", "1.6", 117, F, MAN, 2, 99, 2018, 2021),
        T("1.0 TSI Comfortline Automático", "1.0 Turbo", 128, F, AUT, 3, 121, 2018, 2027),
        T("1.0 TSI Highline Automático", "1.0 Turbo", 128, F, AUT, 4, 133, 2018, 2027),
    )),
    ("Virtus", "sedan", 4, 5, 1.0, "9BW", (
        T("1.6 MSI Automático", "1.6", 117, F, AUT, 3, 112, 2018, 2022),
        T("1.0 TSI Comfortline Automático", "1.0 Turbo", 128, F, AUT, 3, 130, 2018, 2027),
        T("1.4 TSI Exclusive Automático", "1.4 Turbo", 150, F, AUT, 5, 165, 2023, 2027),
    )),
    ("T-Cross", "suv", 4, 9, 1.0, "9BW", (
        T("1.0 TSI Automático", "1.0 Turbo", 128, F, AUT, 3, 145, 2019, 2027),
        T("1.0 TSI Comfortline Automático", "1.0 Turbo", 128, F, AUT, 4, 165, 2019, 2027),
        T("1.4 TSI Highline Automático", "1.4 Turbo", 150, F, AUT, 5, 188, 2019, 2027),
    )),
    ("Nivus", "crossover", 4, 5, 0.99, "9BW", (
        T("1.0 TSI Comfortline Automático", "1.0 Turbo", 128, F, AUT, 4, 146, 2021, 2027),
        T("1.0 TSI Highline Automático", "1.0 Turbo", 128, F, AUT, 5, 162, 2021, 2027),
    )),
    ("Tera", "suv", 4, 3, 1.0, "9BW", (
        T("1.0 TSI Comfort Automático", "1.0 Turbo", 116, F, AUT, 3, 127, 2026, 2027),
        T("1.0 TSI High Automático", "1.0 Turbo", 116, F, AUT, 4, 143, 2026, 2027),
    )),
    ("Taos", "suv", 4, 3, 0.985, "8AW", (
        T("1.4 TSI Comfortline Automático", "1.4 Turbo", 150, F, AUT, 4, 206, 2022, 2027),
        T("1.4 TSI Highline Automático", "1.4 Turbo", 150, F, AUT, 5, 227, 2022, 2027),
    )),
    ("Tiguan Allspace", "suv", 4, 2, 0.98, "3VV", (
        T("1.4 TSI Comfortline Automático", "1.4 Turbo", 150, F, DCT, 4, 218, 2018, 2021),
        T("2.0 TSI R-Line 4Motion Automático", "2.0 Turbo", 220, G, DCT, 5, 272, 2018, 2022),
    )),
    ("Gol", "hatch", 4, 6, 1.0, "9BW", (
        T("1.0 MPI", "1.0", 84, F, MAN, 1, 82, 2017, 2023),
        T("1.6 MSI", "1.6", 104, F, MAN, 2, 86, 2014, 2022),
        T("1.6 MSI Automático", "1.6", 120, F, AUT, 2, 94, 2019, 2022),
    )),
    ("Voyage", "sedan", 4, 2, 0.995, "9BW", (
        T("1.6 MSI", "1.6", 104, F, MAN, 2, 90, 2014, 2022),
        T("1.6 Comfortline", "1.6", 104, F, MAN, 3, 95, 2013, 2018),
    )),
    ("up!", "hatch", 4, 2, 1.0, "9BW", (
        T("1.0 move up!", "1.0", 82, F, MAN, 2, 78, 2014, 2019),
        T("1.0 TSI cross up!", "1.0 Turbo", 105, F, MAN, 3, 94, 2016, 2020),
    )),
    ("Jetta", "sedan", 4, 2, 0.985, "3VW", (
        T("1.4 TSI Comfortline Automático", "1.4 Turbo", 150, F, AUT, 4, 178, 2019, 2021),
        T("2.0 TSI GLI Automático", "2.0 Turbo", 231, G, DCT, 5, 246, 2020, 2025),
    )),
    ("Saveiro", "pickup", 2, 4, 1.01, "9BW", (
        T("1.6 Robust Cabine Simples", "1.6", 106, F, MAN, 1, 109, 2017, 2027),
        T("1.6 Trendline Cabine Estendida", "1.6", 106, F, MAN, 2, 114, 2014, 2023),
        T("1.6 Extreme Cabine Dupla", "1.6", 116, F, MAN, 3, 126, 2024, 2027, CD),
    )),
    ("Amarok", CD, 4, 3, 0.985, "8AW", (
        T("2.0 Highline Cabine Dupla 4x4 Turbo Diesel Automática", "2.0 Turbo Diesel", 180, D, AUT,
          4, 252, 2013, 2020),
        T("3.0 V6 Extreme Cabine Dupla 4Motion Turbo Diesel Automática", "3.0 V6 Turbo Diesel",
          258, D, AUT, 5, 352, 2019, 2027),
    )),
    ("SpaceFox", "wagon", 4, 1, 0.98, "8AW", (
        T("1.6 Comfortline", "1.6", 104, F, MAN, 3, 98, 2013, 2018),
        T("1.6 Highline Automatizada", "1.6", 120, F, "automated", 3, 104, 2014, 2018),
    )),
)  # fmt: skip

_TOYOTA: Final = (
    ("Corolla", "sedan", 4, 9, 1.012, "9BR", (
        T("1.8 GLi Automático", "1.8", 144, F, CVT, 3, 142, 2015, 2019),
        T("2.0 XEi Automático", "2.0", 154, F, CVT, 4, 158, 2014, 2019),
        T("2.0 XEi Direct Shift", "2.0", 175, F, CVT, 4, 174, 2020, 2027),
        T("1.8 Altis Premium Hybrid", "1.8 Híbrido", 122, "hybrid_flex", CVT, 5, 202, 2020, 2027),
        T("2.0 GR-Sport Direct Shift", "2.0", 175, F, CVT, 5, 192, 2022, 2027),
    )),
    ("Corolla Cross", "suv", 4, 6, 1.01, "9BR", (
        T("2.0 XR Direct Shift", "2.0", 175, F, CVT, 3, 172, 2022, 2027),
        T("2.0 XRE Direct Shift", "2.0", 175, F, CVT, 4, 186, 2022, 2027),
        T("1.8 XRX Hybrid", "1.8 Híbrido", 122, "hybrid_flex", CVT, 5, 219, 2022, 2027),
    )),
    ("Yaris", "hatch", 4, 4, 1.01, "9BR", (
        T("1.3 XL Live", "1.3", 101, F, CVT, 2, 98, 2019, 2022),
        T("1.5 XLS Connect", "1.5", 110, F, CVT, 4, 118, 2019, 2024),
    )),
    ("Yaris Sedan", "sedan", 4, 3, 1.01, "9BR", (
        T("1.5 XL", "1.5", 110, F, CVT, 2, 106, 2019, 2024),
        T("1.5 XLS Connect", "1.5", 110, F, CVT, 4, 124, 2019, 2024),
    )),
    ("Yaris Cross", "suv", 4, 3, 1.01, "9BR", (
        T("1.5 XRE", "1.5", 122, F, CVT, 4, 164, 2026, 2027),
        T("1.5 XRX Hybrid", "1.5 Híbrido", 111, "hybrid_flex", CVT, 5, 191, 2026, 2027),
    )),
    ("Etios", "hatch", 4, 3, 1.01, "9BR", (
        T("1.3 X", "1.3", 98, F, MAN, 2, 82, 2014, 2020),
        T("1.5 XLS Automático", "1.5", 107, F, AUT, 3, 92, 2017, 2021),
    )),
    ("Hilux", CD, 4, 6, 1.015, "8AJ", (
        T("2.7 SRV Cabine Dupla 4x2 Automática", "2.7", 163, F, AUT, 4, 208, 2014, 2022),
        T("2.8 SRV Cabine Dupla 4x4 Turbo Diesel Automática", "2.8 Turbo Diesel", 204, D, AUT, 4,
          308, 2016, 2027),
        T("2.8 SRX Plus Cabine Dupla 4x4 Turbo Diesel Automática", "2.8 Turbo Diesel", 204, D, AUT,
          5, 348, 2024, 2027),
    )),
    ("SW4", "suv", 4, 3, 1.015, "8AJ", (
        T("2.8 SRX 7 Lugares 4x4 Turbo Diesel Automático", "2.8 Turbo Diesel", 204, D, AUT, 5,
          416, 2016, 2027),
    )),
    ("RAV4", "suv", 4, 2, 1.0, "JTM", (
        T("2.5 SX Connect Hybrid AWD", "2.5 Híbrido", 222, "hybrid", CVT, 5, 362, 2019, 2025),
    )),
)  # fmt: skip

_HONDA: Final = (
    ("Civic", "sedan", 4, 6, 1.01, "93H", (
        T("2.0 LXR Automático", "2.0", 155, F, AUT, 3, 142, 2014, 2016),
        T("2.0 EXL CVT", "2.0", 155, F, CVT, 4, 158, 2017, 2021),
        T("1.5 Turbo Touring CVT", "1.5 Turbo", 173, G, CVT, 5, 178, 2017, 2021),
        T("2.0 e:HEV Advanced Hybrid", "2.0 Híbrido", 184, "hybrid", CVT, 5, 266, 2023, 2027),
    )),
    ("City", "sedan", 4, 4, 1.01, "93H", (
        T("1.5 EX CVT", "1.5", 116, F, CVT, 3, 118, 2015, 2021),
        T("1.5 EXL CVT", "1.5", 126, F, CVT, 4, 139, 2022, 2027),
        T("1.5 Touring CVT", "1.5", 126, F, CVT, 5, 149, 2022, 2027),
    )),
    ("City Hatchback", "hatch", 4, 3, 1.01, "93H", (
        T("1.5 EXL CVT", "1.5", 126, F, CVT, 4, 138, 2022, 2027),
        T("1.5 Touring CVT", "1.5", 126, F, CVT, 5, 148, 2022, 2027),
    )),
    ("Fit", "hatch", 4, 4, 1.02, "93H", (
        T("1.5 LX CVT", "1.5", 116, F, CVT, 2, 106, 2015, 2021),
        T("1.5 EXL CVT", "1.5", 116, F, CVT, 4, 119, 2015, 2021),
    )),
    ("HR-V", "suv", 4, 7, 1.01, "93H", (
        T("1.8 EXL CVT", "1.8", 140, F, CVT, 4, 148, 2016, 2021),
        T("1.5 EXL CVT", "1.5", 126, F, CVT, 4, 177, 2023, 2027),
        T("1.5 Turbo Touring CVT", "1.5 Turbo", 177, F, CVT, 5, 212, 2023, 2027),
    )),
    ("WR-V", "crossover", 4, 3, 1.0, "93H", (
        T("1.5 EXL CVT", "1.5", 116, F, CVT, 4, 122, 2018, 2021),
        T("1.5 EX CVT Nova Geração", "1.5", 126, F, CVT, 4, 147, 2026, 2027, "suv"),
    )),
    ("CR-V", "suv", 4, 1, 0.99, "1HG", (
        T("1.5 Turbo Touring AWD CVT", "1.5 Turbo", 190, G, CVT, 5, 292, 2018, 2021),
    )),
    ("ZR-V", "suv", 4, 1, 0.995, "3HG", (
        T("2.0 Touring CVT", "2.0", 161, F, CVT, 5, 218, 2024, 2026),
    )),
)  # fmt: skip

_HYUNDAI: Final = (
    ("HB20", "hatch", 4, 10, 1.0, "9BH", (
        T("1.0 Comfort Plus", "1.0", 80, F, MAN, 2, 86, 2014, 2019),
        T("1.6 Premium Automático", "1.6", 128, F, AUT, 3, 98, 2014, 2019),
        T("1.0 Comfort", "1.0", 80, F, MAN, 2, 97, 2020, 2027),
        T("1.0 TGDI Platinum Automático", "1.0 Turbo", 120, F, AUT, 4, 124, 2022, 2027),
        T("1.0 TGDI Platinum Plus Automático", "1.0 Turbo", 120, F, AUT, 5, 133, 2022, 2027),
    )),
    ("HB20S", "sedan", 4, 6, 1.0, "9BH", (
        T("1.6 Comfort Plus Automático", "1.6", 128, F, AUT, 3, 98, 2014, 2019),
        T("1.0 Comfort", "1.0", 80, F, MAN, 2, 103, 2020, 2027),
        T("1.0 TGDI Platinum Plus Automático", "1.0 Turbo", 120, F, AUT, 5, 138, 2023, 2027),
    )),
    ("HB20X", "crossover", 4, 2, 0.995, "9BH", (
        T("1.6 Vision Automático", "1.6", 130, F, AUT, 3, 104, 2019, 2021),
    )),
    ("Creta", "suv", 4, 8, 1.0, "9BH", (
        T("1.6 Pulse Plus Automático", "1.6", 130, F, AUT, 3, 128, 2017, 2021),
        T("2.0 Prestige Automático", "2.0", 166, F, AUT, 4, 144, 2017, 2021),
        T("1.0 TGDI Comfort Automático", "1.0 Turbo", 120, F, AUT, 3, 152, 2022, 2027),
        T("1.0 TGDI Platinum Automático", "1.0 Turbo", 120, F, AUT, 5, 181, 2022, 2027),
        T("1.6 TGDI Ultimate Automático", "1.6 Turbo", 193, G, DCT, 5, 204, 2025, 2027),
    )),
    ("Tucson", "suv", 4, 2, 0.98, "95P", (
        T("1.6 GLS Turbo Automático", "1.6 Turbo", 177, G, DCT, 4, 182, 2017, 2023),
    )),
)  # fmt: skip

_JEEP: Final = (
    ("Renegade", "suv", 4, 7, 0.985, "988", (
        T("1.8 Sport Automático", "1.8", 139, F, AUT, 3, 124, 2016, 2021),
        T("1.8 Longitude Automático", "1.8", 139, F, AUT, 4, 134, 2016, 2021),
        T("1.3 T270 Sport Automático", "1.3 Turbo", 185, F, AUT, 3, 138, 2022, 2027),
        T("1.3 T270 Longitude Automático", "1.3 Turbo", 185, F, AUT, 4, 158, 2022, 2027),
        T("1.3 T270 Trailhawk 4x4 Automático", "1.3 Turbo", 185, F, AUT, 5, 178, 2022, 2025),
    )),
    ("Compass", "suv", 4, 8, 0.985, "988", (
        T("2.0 Longitude Automático", "2.0", 166, F, AUT, 4, 162, 2017, 2021),
        T("2.0 Limited 4x4 Turbo Diesel Automático", "2.0 Turbo Diesel", 170, D, AUT, 5, 238,
          2017, 2024),
        T("1.3 T270 Longitude Automático", "1.3 Turbo", 185, F, AUT, 4, 196, 2022, 2027),
        T("1.3 T270 Série S Automático", "1.3 Turbo", 185, F, AUT, 5, 222, 2022, 2027),
        T("1.3 Série S 4xe Plug-in Hybrid 4x4", "1.3 Turbo Híbrido", 240, "plugin_hybrid", AUT, 5,
          322, 2022, 2024),
    )),
    ("Commander", "suv", 4, 4, 0.985, "988", (
        T("1.3 T270 Limited 7 Lugares Automático", "1.3 Turbo", 185, F, AUT, 5, 242, 2022, 2027),
        T("2.2 Overland 7 Lugares 4x4 Turbo Diesel Automático", "2.2 Turbo Diesel", 200, D, AUT, 5,
          318, 2025, 2027),
    )),
)  # fmt: skip

_RENAULT: Final = (
    ("Kwid", "hatch", 4, 6, 0.99, "93Y", (
        T("1.0 Zen", "1.0", 70, F, MAN, 1, 80, 2018, 2027),
        T("1.0 Intense", "1.0", 70, F, MAN, 2, 84, 2018, 2027),
        T("1.0 Outsider", "1.0", 70, F, MAN, 3, 87, 2020, 2027),
    )),
    ("Kwid E-Tech", "hatch", 4, 2, 0.985, "LMW", (
        T("Intense Elétrico", "Elétrico", 65, E, ONE, 2, 100, 2023, 2027),
    )),
    ("Sandero", "hatch", 4, 4, 0.985, "93Y", (
        T("1.0 Zen", "1.0", 82, F, MAN, 2, 84, 2015, 2023),
        T("1.6 Stepway Iconic CVT", "1.6", 118, F, CVT, 3, 104, 2020, 2022, "crossover"),
    )),
    ("Logan", "sedan", 4, 3, 0.985, "93Y", (
        T("1.0 Zen", "1.0", 82, F, MAN, 2, 88, 2015, 2024),
        T("1.6 Intense CVT", "1.6", 118, F, CVT, 3, 99, 2020, 2022),
    )),
    ("Duster", "suv", 4, 5, 0.99, "93Y", (
        T("1.6 Dynamique", "1.6", 120, F, MAN, 3, 112, 2014, 2020),
        T("1.6 Intense Plus CVT", "1.6", 120, F, CVT, 3, 132, 2021, 2027),
        T("1.3 TCe Iconic Plus CVT", "1.3 Turbo", 170, F, CVT, 4, 154, 2022, 2027),
    )),
    ("Oroch", CD, 4, 3, 0.99, "93Y", (
        T("1.6 Intense", "1.6", 120, F, MAN, 2, 122, 2017, 2027),
        T("1.3 TCe Outsider CVT", "1.3 Turbo", 170, F, CVT, 4, 149, 2023, 2027),
    )),
    ("Kardian", "suv", 4, 4, 0.99, "93Y", (
        T("1.0 TCe Evolution EDC", "1.0 Turbo", 125, F, DCT, 3, 126, 2025, 2027),
        T("1.0 TCe Première Edition EDC", "1.0 Turbo", 125, F, DCT, 5, 145, 2024, 2027),
    )),
    ("Captur", "suv", 4, 2, 0.975, "93Y", (
        T("1.6 Intense CVT", "1.6", 120, F, CVT, 4, 124, 2018, 2022),
    )),
    ("Master", "van", 4, 1, 1.0, "93Y", (
        T("2.3 dCi Furgão Grand L2H2", "2.3 Turbo Diesel", 136, D, MAN, 1, 252, 2014, 2024),
    )),
)  # fmt: skip

_NISSAN: Final = (
    ("Kicks", "suv", 4, 6, 0.995, "94D", (
        T("1.6 SV CVT", "1.6", 114, F, CVT, 3, 122, 2017, 2021),
        T("1.6 Advance CVT", "1.6", 113, F, CVT, 4, 134, 2022, 2025),
        T("1.6 Exclusive CVT", "1.6", 113, F, CVT, 5, 149, 2022, 2025),
        T("1.0 Turbo Platinum DCT", "1.0 Turbo", 125, F, DCT, 5, 199, 2026, 2027),
    )),
    ("Versa", "sedan", 4, 4, 0.99, "94D", (
        T("1.6 SL CVT", "1.6", 111, F, CVT, 3, 98, 2015, 2020),
        T("1.6 Exclusive CVT", "1.6", 113, F, CVT, 5, 137, 2021, 2027),
    )),
    ("March", "hatch", 4, 2, 0.99, "94D", (
        T("1.0 S", "1.0", 77, F, MAN, 2, 76, 2015, 2020),
        T("1.6 SV CVT", "1.6", 111, F, CVT, 3, 88, 2017, 2020),
    )),
    ("Sentra", "sedan", 4, 2, 0.98, "3N1", (
        T("2.0 SV CVT", "2.0", 140, F, CVT, 4, 138, 2014, 2020),
        T("2.0 Exclusive CVT", "2.0", 151, G, CVT, 5, 192, 2023, 2027),
    )),
    ("Frontier", CD, 4, 3, 0.985, "8AN", (
        T("2.3 XE Cabine Dupla 4x4 Turbo Diesel Automática", "2.3 Turbo Diesel", 190, D, AUT, 4,
          262, 2018, 2027),
        T("2.3 Platinum Cabine Dupla 4x4 Turbo Diesel Automática", "2.3 Turbo Diesel", 190, D, AUT,
          5, 306, 2023, 2027),
    )),
    ("Leaf", "hatch", 4, 1, 0.98, "SJN", (
        T("Tekna Elétrico", "Elétrico", 149, E, ONE, 5, 238, 2020, 2023),
    )),
)  # fmt: skip

_FORD: Final = (
    ("Ka", "hatch", 4, 6, 0.99, "9BF", (
        T("1.0 SE", "1.0", 85, F, MAN, 2, 80, 2015, 2021),
        T("1.5 SE Plus Automático", "1.5", 136, F, AUT, 3, 92, 2019, 2021),
    )),
    ("Ka Sedan", "sedan", 4, 3, 0.99, "9BF", (
        T("1.0 SE", "1.0", 85, F, MAN, 2, 84, 2019, 2021),
        T("1.5 Titanium Automático", "1.5", 136, F, AUT, 4, 100, 2019, 2021),
    )),
    ("Fiesta", "hatch", 4, 2, 0.98, "9BF", (
        T("1.6 SE", "1.6", 128, F, MAN, 3, 90, 2014, 2019),
        T("1.6 Titanium Powershift", "1.6", 128, F, DCT, 4, 96, 2014, 2018),
    )),
    ("EcoSport", "suv", 4, 5, 0.98, "9BF", (
        T("1.5 SE Automático", "1.5", 137, F, AUT, 3, 114, 2018, 2021),
        T("1.5 Titanium Automático", "1.5", 137, F, AUT, 4, 126, 2018, 2021),
    )),
    ("Fusion", "sedan", 4, 1, 0.965, "3FA", (
        T("2.0 Titanium EcoBoost AWD Automático", "2.0 Turbo", 248, G, AUT, 5, 188, 2014, 2019),
    )),
    ("Territory", "suv", 4, 2, 0.98, "LVS", (
        T("1.5 EcoBoost Titanium Automático", "1.5 Turbo", 169, G, DCT, 5, 222, 2023, 2027),
    )),
    ("Maverick", CD, 4, 2, 0.985, "3FT", (
        T("2.0 EcoBoost Lariat FX4 Automática", "2.0 Turbo", 253, G, AUT, 5, 252, 2022, 2025),
    )),
    ("Ranger", CD, 4, 6, 1.0, "8AF", (
        T("3.2 Limited Cabine Dupla 4x4 Turbo Diesel Automática", "3.2 Turbo Diesel", 200, D, AUT,
          5, 262, 2014, 2022),
        T("2.0 XLS Cabine Dupla 4x4 Turbo Diesel Automática", "2.0 Turbo Diesel", 170, D, AUT, 4,
          268, 2024, 2027),
        T("3.0 V6 Limited Cabine Dupla 4x4 Turbo Diesel Automática", "3.0 V6 Turbo Diesel", 250, D,
          AUT, 5, 356, 2024, 2027),
    )),
    ("Mustang", "coupe", 2, 1, 0.99, "1FA", (
        T("5.0 V8 GT Performance Automático", "5.0 V8", 488, G, AUT, 5, 549, 2024, 2026),
    )),
)  # fmt: skip

_STELLANTIS_FRENCH: Final = (
    ("Peugeot", (
        ("208", "hatch", 4, 5, 0.975, "8AD", (
            T("1.6 Griffe Automático", "1.6", 118, F, AUT, 4, 118, 2017, 2023),
            T("1.0 Style", "1.0", 75, F, MAN, 3, 98, 2023, 2027),
            T("1.0 Turbo 200 Allure CVT", "1.0 Turbo", 130, F, CVT, 4, 119, 2024, 2027),
        )),
        ("e-208", "hatch", 4, 1, 0.97, "VR3", (
            T("GT", "Elétrico", 136, E, ONE, 5, 219, 2022, 2025),
        )),
        ("2008", "suv", 4, 4, 0.975, "936", (
            T("1.6 Griffe Automático", "1.6", 118, F, AUT, 4, 122, 2016, 2023),
            T("1.6 Griffe THP Automático", "1.6 Turbo", 173, F, AUT, 5, 134, 2016, 2022),
            T("1.0 Turbo 200 GT CVT", "1.0 Turbo", 130, F, CVT, 5, 173, 2025, 2027),
        )),
        ("3008", "suv", 4, 2, 0.965, "VF3", (
            T("1.6 Griffe Pack THP Automático", "1.6 Turbo", 165, G, AUT, 5, 226, 2018, 2023),
        )),
        ("Partner Rapid", "van", 3, 1, 0.99, "936", (
            T("1.3 Business Pack", "1.3", 107, F, MAN, 1, 112, 2023, 2027),
        )),
    )),
    ("Citroën", (
        ("C3", "hatch", 4, 4, 0.975, "935", (
            T("1.6 Exclusive Automático", "1.6", 118, F, AUT, 3, 94, 2014, 2020),
            T("1.0 Live", "1.0", 75, F, MAN, 1, 81, 2023, 2027),
            T("1.0 Feel", "1.0", 75, F, MAN, 2, 88, 2023, 2027),
        )),
        ("C4 Cactus", "suv", 4, 3, 0.975, "935", (
            T("1.6 Feel Automático", "1.6", 118, F, AUT, 3, 112, 2019, 2025),
            T("1.6 Shine THP Automático", "1.6 Turbo", 173, F, AUT, 5, 136, 2019, 2024),
        )),
        ("C4 Lounge", "sedan", 4, 1, 0.96, "8BC", (
            T("1.6 Shine THP Automático", "1.6 Turbo", 173, F, AUT, 5, 128, 2014, 2021),
        )),
        ("Aircross", "suv", 4, 3, 0.98, "935", (
            T("1.0 Turbo 200 Shine 7 Lugares CVT", "1.0 Turbo", 130, F, CVT, 4, 137, 2024, 2027),
        )),
        ("Basalt", "crossover", 4, 3, 0.98, "935", (
            T("1.0 Feel", "1.0", 75, F, MAN, 2, 99, 2025, 2027),
            T("1.0 Turbo 200 Shine CVT", "1.0 Turbo", 130, F, CVT, 4, 121, 2025, 2027),
        )),
    )),
)  # fmt: skip

_OTHERS: Final = (
    ("Mitsubishi", (
        ("L200 Triton", CD, 4, 3, 0.99, "93X", (
            T("2.4 Sport HPE-S Cabine Dupla 4x4 Turbo Diesel Automática", "2.4 Turbo Diesel", 190,
              D, AUT, 5, 292, 2019, 2025),
            T("3.2 HPE Cabine Dupla 4x4 Turbo Diesel Automática", "3.2 Turbo Diesel", 180, D, AUT,
              4, 232, 2013, 2018),
        )),
        ("Eclipse Cross", "suv", 4, 2, 0.985, "93X", (
            T("1.5 Turbo HPE-S CVT", "1.5 Turbo", 165, G, CVT, 5, 212, 2019, 2026),
        )),
        ("ASX", "suv", 4, 2, 0.98, "93X", (
            T("2.0 AWD CVT", "2.0", 160, F, CVT, 4, 142, 2014, 2020),
        )),
        ("Pajero Sport", "suv", 4, 1, 0.99, "MMB", (
            T("2.4 HPE-S 7 Lugares 4x4 Turbo Diesel Automático", "2.4 Turbo Diesel", 190, D, AUT,
              5, 372, 2020, 2025),
        )),
    )),
    ("CAOA Chery", (
        ("Tiggo 5X", "suv", 4, 4, 0.98, "95P", (
            T("1.5 Turbo Pro CVT", "1.5 Turbo", 150, F, CVT, 4, 134, 2022, 2026),
            T("1.5 Turbo Pro Hybrid Max Drive CVT", "1.5 Turbo", 160, "mild_hybrid", CVT, 5, 149,
              2023, 2027),
        )),
        ("Tiggo 7", "suv", 4, 3, 0.98, "95P", (
            T("1.6 Turbo Pro Max Drive Automático", "1.6 Turbo", 187, G, DCT, 5, 172, 2022, 2027),
        )),
        ("Tiggo 8", "suv", 4, 2, 0.975, "95P", (
            T("1.6 Turbo Max Drive 7 Lugares Automático", "1.6 Turbo", 187, G, DCT, 5, 199,
              2021, 2026),
            T("1.5 Turbo Pro Plug-in Hybrid", "1.5 Turbo Híbrido", 317, "plugin_hybrid", DCT, 5,
              244, 2023, 2027),
        )),
        ("Arrizo 6", "sedan", 4, 1, 0.97, "95P", (
            T("1.5 Turbo Pro CVT", "1.5 Turbo", 150, F, CVT, 4, 142, 2022, 2024),
        )),
    )),
    ("BYD", (
        ("Dolphin Mini", "hatch", 4, 5, 0.995, "LGX", (
            T("GS", "Elétrico", 75, E, ONE, 4, 120, 2024, 2027),
        )),
        ("Dolphin", "hatch", 4, 4, 0.995, "LGX", (
            T("GS 180 EV", "Elétrico", 95, E, ONE, 4, 150, 2024, 2027),
            T("Plus 310 EV", "Elétrico", 204, E, ONE, 5, 185, 2024, 2026),
        )),
        ("Yuan Pro", "suv", 4, 2, 0.99, "LGX", (
            T("GS", "Elétrico", 177, E, ONE, 5, 183, 2025, 2027),
        )),
        ("King", "sedan", 4, 2, 1.0, "LGX", (
            T("1.5 GS DM-i Plug-in Hybrid", "1.5 Híbrido", 235, "plugin_hybrid", CVT, 5, 188,
              2025, 2027),
        )),
        ("Song Plus", "suv", 4, 3, 1.0, "LGX", (
            T("1.5 DM-i Plug-in Hybrid", "1.5 Híbrido", 235, "plugin_hybrid", CVT, 5, 245,
              2023, 2027),
        )),
    )),
    ("GWM", (
        ("Haval H6", "suv", 4, 3, 0.995, "LGW", (
            T("1.5 Turbo HEV2 Automático", "1.5 Turbo Híbrido", 243, "hybrid", DCT, 5, 223,
              2023, 2027),
            T("1.5 Turbo PHEV34 AWD", "1.5 Turbo Híbrido", 393, "plugin_hybrid", DCT, 5, 288,
              2023, 2027),
        )),
        ("Ora 03", "hatch", 4, 1, 0.985, "LGW", (
            T("Skin BEV48", "Elétrico", 171, E, ONE, 5, 154, 2024, 2026),
        )),
    )),
    ("Kia", (
        ("Sportage", "suv", 4, 2, 0.985, "U5Y", (
            T("2.0 LX Automático", "2.0", 167, F, AUT, 4, 158, 2014, 2020),
            T("1.6 Turbo EX Prestige Hybrid Automático", "1.6 Turbo", 180, "mild_hybrid", DCT, 5,
              239, 2023, 2027),
        )),
        ("Cerato", "sedan", 4, 2, 0.975, "3KP", (
            T("1.6 SX Automático", "1.6", 128, F, AUT, 3, 112, 2014, 2019),
            T("2.0 EX Automático", "2.0", 167, F, AUT, 4, 138, 2020, 2022),
        )),
    )),
    ("BMW", (
        ("118i", "hatch", 4, 2, 0.98, "98M", (
            T("1.5 Turbo M Sport Automático", "1.5 Turbo", 140, G, DCT, 5, 272, 2020, 2024),
        )),
        ("320i", "sedan", 4, 3, 0.985, "98M", (
            T("2.0 Turbo GP ActiveFlex Automático", "2.0 Turbo", 184, F, AUT, 5, 332, 2014, 2023),
            T("2.0 Turbo M Sport ActiveFlex Automático", "2.0 Turbo", 184, F, AUT, 5, 388,
              2020, 2027),
        )),
        ("X1", "suv", 4, 3, 0.985, "98M", (
            T("2.0 Turbo sDrive20i X-Line ActiveFlex", "2.0 Turbo", 192, F, AUT, 5, 296,
              2016, 2022),
            T("2.0 Turbo sDrive20i M Sport Automático", "2.0 Turbo", 204, G, DCT, 5, 372,
              2023, 2027),
        )),
        ("Z4", "convertible", 2, 1, 0.99, "WBA", (
            T("3.0 Turbo M40i Roadster Automático", "3.0 Turbo", 387, G, AUT, 5, 642, 2020, 2025),
        )),
    )),
    ("Mercedes-Benz", (
        ("C 180", "sedan", 4, 2, 0.975, "98M", (
            T("1.6 Turbo Avantgarde Automático", "1.6 Turbo", 156, F, AUT, 5, 312, 2015, 2020),
        )),
        ("C 180 Coupé", "coupe", 2, 1, 0.975, "WDD", (
            T("1.6 Turbo Sport Automático", "1.6 Turbo", 156, G, AUT, 5, 326, 2017, 2020),
        )),
        ("GLA 200", "suv", 4, 2, 0.975, "98M", (
            T("1.6 Turbo Advance Automático", "1.6 Turbo", 156, F, DCT, 5, 286, 2016, 2020),
            T("1.3 Turbo AMG Line Automático", "1.3 Turbo", 163, G, DCT, 5, 376, 2022, 2027),
        )),
    )),
    ("Audi", (
        ("A3 Sedan", "sedan", 4, 2, 0.975, "93U", (
            T("1.4 TFSI Prestige Plus Automático", "1.4 Turbo", 150, F, DCT, 5, 252, 2016, 2020),
            T("2.0 TFSI S line Mild Hybrid Automático", "2.0 Turbo", 204, "mild_hybrid", DCT, 5,
              342, 2022, 2026),
        )),
        ("Q3", "suv", 4, 2, 0.98, "93U", (
            T("1.4 TFSI Ambiente Automático", "1.4 Turbo", 150, F, DCT, 4, 256, 2016, 2019),
            T("2.0 TFSI Performance Black Quattro", "2.0 Turbo", 231, G, AUT, 5, 379, 2021, 2026),
        )),
        ("A4 Avant", "wagon", 4, 1, 0.97, "WAU", (
            T("2.0 TFSI Prestige Plus Automático", "2.0 Turbo", 190, G, DCT, 5, 346, 2017, 2022),
        )),
        ("TT", "coupe", 2, 1, 0.98, "TRU", (
            T("2.0 TFSI Ambition Coupé Automático", "2.0 Turbo", 230, G, DCT, 5, 356, 2015, 2020),
        )),
    )),
    ("Volvo", (
        ("XC40", "suv", 4, 2, 0.98, "YV1", (
            T("2.0 T5 R-Design AWD Automático", "2.0 Turbo", 252, G, AUT, 5, 318, 2019, 2021),
            T("Recharge Plus Elétrico", "Elétrico", 231, E, ONE, 5, 344, 2023, 2024),
        )),
        ("XC60", "suv", 4, 1, 0.98, "YV1", (
            T("2.0 T8 Recharge Ultimate Dark AWD", "2.0 Turbo Híbrido", 462, "plugin_hybrid", AUT,
              5, 474, 2022, 2027),
        )),
        ("V60", "wagon", 4, 1, 0.965, "YV1", (
            T("2.0 T5 Momentum Automático", "2.0 Turbo", 254, G, AUT, 5, 298, 2019, 2020),
        )),
    )),
    ("MINI", (
        ("Cooper", "hatch", 2, 1, 0.98, "WMW", (
            T("2.0 Turbo S Exclusive Automático", "2.0 Turbo", 192, G, DCT, 5, 284, 2016, 2024),
        )),
        ("Cooper Cabrio", "convertible", 2, 1, 0.985, "WMW", (
            T("2.0 Turbo S Top Automático", "2.0 Turbo", 192, G, DCT, 5, 316, 2017, 2023),
        )),
    )),
    ("Land Rover", (
        ("Range Rover Evoque", "suv", 4, 1, 0.97, "SAL", (
            T("2.0 Turbo P250 R-Dynamic SE Flex", "2.0 Turbo", 249, F, AUT, 5, 468, 2020, 2025),
        )),
    )),
    ("RAM", (
        ("Rampage", CD, 4, 3, 0.99, "988", (
            T("2.0 Turbo R/T 4x4 Automática", "2.0 Turbo", 272, G, AUT, 5, 289, 2024, 2027),
            T("2.2 Laramie 4x4 Turbo Diesel Automática", "2.2 Turbo Diesel", 200, D, AUT, 5, 294,
              2025, 2027),
        )),
    )),
)  # fmt: skip

_Row = tuple[str, str, int, int, float, str, tuple[MarketTrim, ...]]
_MAKES: Final[tuple[tuple[str, tuple[_Row, ...]], ...]] = (
    ("Chevrolet", _CHEVROLET),
    ("Fiat", _FIAT),
    ("Volkswagen", _VOLKSWAGEN),
    ("Toyota", _TOYOTA),
    ("Honda", _HONDA),
    ("Hyundai", _HYUNDAI),
    ("Jeep", _JEEP),
    ("Renault", _RENAULT),
    ("Nissan", _NISSAN),
    ("Ford", _FORD),
    *_STELLANTIS_FRENCH,
    *_OTHERS,
)


def _check_digit(number: str) -> int:
    """Modulus 11, as the real codes have it."""
    rest = sum(int(digit) * weight for digit, weight in zip(number, range(7, 1, -1), strict=True))
    return 0 if rest % 11 < 2 else 11 - rest % 11


def _entries() -> Iterator[MarketEntry]:
    number = _OWN_CODES_FROM
    for make, rows in _MAKES:
        for row in rows:
            model = MarketModel(make, *row)
            for trim in model.trims:
                yield MarketEntry(model, trim, f"{number}-{_check_digit(str(number))}")
                number += 1


ENTRIES: Final = tuple(_entries())
MODELS: Final = tuple(dict.fromkeys(entry.model for entry in ENTRIES))
