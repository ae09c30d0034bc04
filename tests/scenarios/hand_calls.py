"""Calls with the price that SPEC gives them, each worked out by hand; `setting` makes the tariffs and customers.

A call is told by what differs from a minute's voice call on Wednesday 15 January 2025 at 10:00 from the customer PLAIN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

COLUMNS = (
    "prefix,call_class,band,price_per_minute,connection_charge,initial_seconds,step_seconds,minimum_charge,"
    "maximum_charge,free_seconds,valid_from,valid_to"
)
DECK = f"""{COLUMNS}
4420,National,peak,0.06,,,,,,,,
4420,National,offpeak,0.03,,,,,,,,
4420,National,weekend,0.012,,,,,,,,
44161,National,,0.10,,60,60,,,,,
441632,National,,0.20,,30,6,,,,,
447700,Mobile,,0.07,0.05,1,1,0.12,0.50,5,,
448081,Premium,,0.01,,,,0.20,0.20,,,
33,International,peak,0.50,,,,,,,,
331,International,,0.10,,,,,,,,
3312,International,offpeak,0.90,,,,,,,,
35,International,,0.10,,,,,,,,2025-01-14
35,International,,0.20,,,,,,,2025-01-15,
353,International,,0.50,,,,,,,,2025-01-10
36,International,,0.10,,,,,,,,2024-06-30
36,International,,0.20,,,,,,,2024-07-01,
37,International,,0.000150,,,,,,,,
371,International,,0.000250,,,,,,,,
372,International,,0.000050,,,,,,,,
373,International,,0.000049,,,,,,,,
,International,,0.77,,,,,,,,
,SMS,,0.04,,,,,,,,
,Data,,1.00,,100000,1000,,,,,
"""
"""The tariff of PLAIN; SCOT has it too, with Scottish holidays. Increments are 1/1 where the row names none."""

CLASS_PRICES = {"NUMBERS": "0.11", "CLASSED": "0.22", "BYSOURCE": "0.33", "BYTYPE": "0.44", "OFSOURCE": "0.55"}
"""Tariffs with one rate, for the class National."""
DESTINATIONS = """prefix,destination,call_class
4420,London,National
44161,Manchester,National
441632,Nowhere,National
447700,Mobiles,Mobile
448081,Premium numbers,Premium
3,Abroad,International
"""


@dataclass(frozen=True)
class Hand:
    """A call and what it must come to: charge, band, billed seconds, step of SPEC R5; or why it is held."""

    why: str
    told: Json = field(default_factory=dict)
    charge: str = ""
    band: str = ""
    billed: int | None = None
    step: int | None = None
    held: str = ""
    customer: str = "PLAIN"


def _to(party: str, seconds: int | str, charge: str, billed: int | None = None, why: str = "") -> Hand:
    return Hand(
        why or f"{party} for {seconds} s", {"other_party": party, "duration_seconds": seconds}, charge, "", billed
    )


def _at(start: str, band: str, customer: str = "PLAIN") -> Hand:
    charge = {"peak": "0.0600", "offpeak": "0.0300", "weekend": "0.0120"}[band]
    return Hand(f"{start} of {customer}", {"start": start}, charge, band, customer=customer)


def _abroad(party: str, start: str, charge: str, why: str) -> Hand:
    return Hand(why, {"other_party": party, "start": start}, charge)


BANDS = (
    _at("2024-10-25T06:59:59Z", "offpeak"),
    _at("2024-10-25T07:00:00Z", "peak"),
    _at("2024-10-25T16:59:59Z", "peak"),
    _at("2024-10-25T17:00:00Z", "offpeak"),
    _at("2024-10-25T22:59:59Z", "offpeak"),
    _at("2024-10-25T23:00:00Z", "weekend"),
    _at("2024-10-27T00:59:59Z", "weekend"),
    _at("2024-10-27T01:00:00Z", "weekend"),
    _at("2024-10-27T01:30:00Z", "weekend"),
    _at("2024-10-27T23:30:00Z", "weekend"),
    _at("2024-10-28T00:00:00Z", "offpeak"),
    _at("2024-10-28T07:30:00Z", "offpeak"),
    _at("2024-10-28T08:00:00Z", "peak"),
    _at("2024-03-31T00:59:59Z", "weekend"),
    _at("2024-03-31T01:00:00Z", "weekend"),
    _at("2024-03-29T10:00:00Z", "weekend"),  # Good Friday
    _at("2024-03-29T10:00:00Z", "weekend", "SCOT"),
    _at("2024-03-31T22:59:59Z", "weekend", "SCOT"),
    _at("2024-03-31T23:00:00Z", "weekend"),  # Easter Monday has begun in London
    _at("2024-03-31T23:00:00Z", "offpeak", "SCOT"),  # no holiday in Scotland
    _at("2024-04-01T07:00:00Z", "peak", "SCOT"),
    _at("2024-04-01T22:59:59Z", "weekend"),
    _at("2024-04-01T23:00:00Z", "offpeak"),
    _at("2024-08-05T10:00:00Z", "peak"),
    _at("2024-08-05T10:00:00Z", "weekend", "SCOT"),
    _at("2024-08-26T10:00:00Z", "weekend"),
    _at("2024-08-26T10:00:00Z", "peak", "SCOT"),
    _at("2024-12-02T10:00:00Z", "peak"),
    _at("2024-12-02T10:00:00Z", "weekend", "SCOT"),  # for St Andrew's Day, a Saturday
    _at("2025-01-01T00:00:00Z", "weekend"),
    _at("2024-12-31T23:59:59Z", "offpeak"),
    _at("2025-01-02T10:00:00Z", "peak"),
    _at("2025-01-02T10:00:00Z", "weekend", "SCOT"),
)
INCREMENTS = (
    _to("441614960001", 1, "0.1000", 60),
    _to("441614960001", 60, "0.1000", 60),
    _to("441614960001", 61, "0.2000", 120),
    _to("441614960001", 120, "0.2000", 120),
    _to("441614960001", 121, "0.3000", 180),
    _to("441614960001", 86400, "144.0000", 86400),
    _to("441632960001", 1, "0.1000", 30),
    _to("441632960001", 30, "0.1000", 30),
    _to("441632960001", 31, "0.1200", 36),
    _to("441632960001", 36, "0.1200", 36),
    _to("441632960001", 37, "0.1400", 42),
    _to("441632960001", "30.000001", "0.1200", 36),  # 31 s
    _to("441614960001", "60.2", "0.2000", 120),
    _to("442079460001", "0.4", "0.0010", 1),
    _to("442079460001", 1, "0.0010", 1),
    _to("442079460001", 0, "0.0000", 0),
    _to("447700900001", 0, "0.0000", 0),
    _to("447700900001", 4, "0.0000", 0, "free below 5 s, the connection charge too"),
    _to("447700900001", "4.1", "0.1200", 5, "4.1 s are 5, which are not free: 0.05583 is raised to 0.12"),
    _to("447700900001", 60, "0.1200", 60),
    _to("447700900001", 61, "0.1212", 61, "0.05 + 0.07 x 61 / 60 = 0.121166"),
    _to("447700900001", 385, "0.4992", 385, "0.05 + 0.07 x 385 / 60 = 0.499166"),
    _to("447700900001", 386, "0.5000", 386, "0.500333 is cut at 0.50"),
    _to("447700900001", 36000, "0.5000", 36000),
    _to("448081570001", 60, "0.2000", 60, "minimum and maximum are one"),
    _to("37000000001", 60, "0.0002", 60, "0.00015 half up"),
    _to("37100000001", 60, "0.0003", 60, "0.00025 half up, not half even"),
    _to("37200000001", 60, "0.0001", 60, "0.00005 half up"),
    _to("37300000001", 60, "0.0000", 60, "0.000049 is nothing, and yet rated"),
)
RATES = (
    _abroad("33123456789", "2025-01-15T10:00:00Z", "0.1000", "3312 has no peak rate, 331 serves all bands"),
    _abroad("33123456789", "2025-01-15T20:00:00Z", "0.9000", "3312 in its band"),
    _abroad("33123456789", "2025-01-18T10:00:00Z", "0.1000", "3312 has no weekend rate"),
    _abroad("33512345678", "2025-01-15T10:00:00Z", "0.5000", "33 in its band"),
    _abroad("33512345678", "2025-01-15T20:00:00Z", "0.7700", "33 has no off-peak rate: the class rate"),
    _abroad("39061234567", "2025-01-15T10:00:00Z", "0.7700", "no prefix: the class rate"),
    _abroad("35123456789", "2025-01-14T23:59:59Z", "0.1000", "valid to the 14th, which is included"),
    _abroad("35123456789", "2025-01-15T00:00:00Z", "0.2000", "valid from the 15th"),
    _abroad("35312345678", "2025-01-10T23:59:59Z", "0.5000", "the last day of the longer prefix"),
    _abroad("35312345678", "2025-01-11T00:00:00Z", "0.1000", "the longer prefix is not valid any more"),
    _abroad("36123456789", "2024-06-30T22:59:59Z", "0.1000", "30 June in London"),
    _abroad("36123456789", "2024-06-30T23:00:00Z", "0.2000", "1 July in London, 30 June in UTC"),
    Hand("a known class wins, the prefix still prices", {"call_class": "Premium"}, "0.0600"),
    Hand("no rate for the class: unpriced", {"other_party": "49301234567"}, held="unpriced"),
    Hand("three messages", {"service_type": "sms", "units": 3, "duration_seconds": None}, "0.1200"),
    *(
        Hand(
            f"{volume} bytes of {who}",
            {"service_type": "data", "volume_bytes": volume, "duration_seconds": None},
            charge,
            customer=who,
        )
        for volume, who, charge in (
            (1, "PLAIN", "0.1000"),
            (100_000, "PLAIN", "0.1000"),
            (100_001, "PLAIN", "0.1010"),
            (1_000_000, "PLAIN", "1.0000"),
            (1_048_576, "PLAIN", "1.0490"),  # 949 steps of 1,000 behind the first 100,000
            (100_000, "BINARY", "0.0954"),  # 100,000 / 1,048,576 = 0.095367
            (1_048_000, "BINARY", "0.9995"),  # 0.999450
            (1_048_576, "BINARY", "1.0004"),  # 1,049,000 / 1,048,576 = 1.000404
        )
    ),
)


def _cost(why: str, charge: str, customer: str = "MARKED", **told: object) -> Hand:
    return Hand(
        why,
        {"other_party": "442079460001", **told},
        charge,
        step=2 if charge else None,
        held="" if charge else "unpriced",
        customer=customer,
    )


MARKUPS = (
    _cost("25 % on the retail price", "0.5000", suggested_retail_price="0.40", cdr_cost="9", carrier_cost="9"),
    _cost("no retail price: the CDR cost", "0.2500", cdr_cost="0.20", carrier_cost="9"),
    _cost("only the carrier cost", "0.1250", carrier_cost="0.10"),
    _cost("0 is a cost", "0.0000", suggested_retail_price="0", cdr_cost="1"),
    _cost("without any cost", ""),
    _cost("a cost in euros is missing", "", cdr_cost="0.20", currency="EUR"),
    _cost("0.1234 x 1.25 = 0.15425, half up", "0.1543", cdr_cost="0.1234"),
    _cost("as the chosen tariff rounds", "0.15", "PENNIES", cdr_cost="0.1234"),
    _cost("the number's markup, 50 %", "0.3000", "OWNMARK", cdr_cost="0.20"),
    _cost("0 % is a markup", "0.2000", "MARKED", cdr_cost="0.20", other_party="447700900001"),
    _cost("a class without markup", "", "MARKED", cdr_cost="0.20", other_party="39061234567"),
    Hand("unanswered before the chain", {"duration_seconds": 0}, "0.0000", step=0, customer="MARKED"),
)
CHOICE = (
    Hand("the number's", {}, "0.1100", step=1, customer="OWNTARIFF"),
    Hand("the number's goes before the customer's for the class", {}, "0.1100", customer="BOTH"),
    Hand("the customer's for the class", {}, "0.2200", customer="BYCLASS"),
    Hand(
        "the chosen one has no rate: the others are not asked",
        {"call_class": "Premium"},
        customer="OWNTARIFF",
        held="unpriced",
    ),
    Hand("by source and number type", {"source": "north"}, "0.3300", customer="TYPED"),
    Hand("by number type", {"source": "south"}, "0.4400", customer="TYPED"),
    Hand("by source", {"source": "north"}, "0.5500", customer="UNTYPED"),
)
HANDS = (
    Hand("the last second of 14 July in London", {"start": "2024-07-14T22:59:59Z"}, "0.2200", customer="MOVED"),
    Hand("the first second of 15 July in London", {"start": "2024-07-14T23:00:00Z"}, "0.0300", customer="MOVED"),
    Hand("the day before its call plan", {"start": "2023-12-31T23:59:59Z"}, held="no_active_call_plan"),
    Hand("before its call plan", {"start": "2024-06-30T22:59:59Z"}, held="no_active_call_plan", customer="LATER"),
    Hand("on the first day of its call plan", {"start": "2024-06-30T23:00:00Z"}, "0.0300", customer="LATER"),
)
ALL = (*BANDS, *INCREMENTS, *RATES, *MARKUPS, *CHOICE, *HANDS)
NUMBERS = {name: f"+4416329607{at:02d}" for at, name in enumerate(sorted({each.customer for each in ALL}))}
CUSTOMERS: dict[str, tuple[Json, Json]] = {
    "PLAIN": ({"tariff": "PLAIN"}, {}),
    "SCOT": ({"tariff": "SCOT"}, {}),
    "BINARY": ({"tariff": "BINARY"}, {}),
    "MARKED": ({"class_markups": {"National": "25", "Mobile": "0"}}, {}),
    "PENNIES": ({"tariff": "PENNIES", "class_markups": {"National": "25"}}, {}),
    "OWNMARK": ({"class_markups": {"National": "25"}}, {"class_markups": {"National": "50"}}),
    "OWNTARIFF": ({"tariff": "CLASSED"}, {"tariff": "NUMBERS"}),
    "BOTH": ({"class_tariffs": {"National": "CLASSED"}}, {"tariff": "NUMBERS"}),
    "BYCLASS": ({"tariff": "NUMBERS", "class_tariffs": {"National": "CLASSED"}}, {}),
    "TYPED": ({}, {"number_type": "mobile"}),
    "UNTYPED": ({}, {}),
    "MOVED": ({"tariff": "CLASSED"}, {}),
    "LATER": ({"tariff": "PLAIN"}, {"start": "2024-07-01"}),
}
"""What each customer and its number have."""
