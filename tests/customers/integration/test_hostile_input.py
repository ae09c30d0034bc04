"""Odd and hostile input: what is accepted comes back as it was, the rest is refused with the field and what to do."""

from __future__ import annotations

from typing import Any

import httpx

Json = dict[str, Any]
NAMES = (
    "O'Brien & Sons (№1)",
    "Łódź Ćwikła sp. z o.o.",
    "Ελληνικά Τηλέφωνα",
    "Связь Телеком",
    "شركة الاتصالات",
    "חברת הטלפונים",
    "東京電話株式会社",
    "ಕನ್ನಡ ದೂರವಾಣಿ",
    "ไทยโทรคม",
    "🎺 Trumpet 👩‍👩‍👧 Repairs",
    "e\u0301clair is not é",
    "\u202eright to left\u202c",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "Robert'); DROP TABLE customer;--",
    "%s %d {0} ${jndi:ldap://x} $(id) `id`",
    "=1+1",
    "@SUM(A1)",
    "\\x00 \\u0000 \\n written out",
    "NULL",
    "null",
    "undefined",
    "0",
    "-1e309",
    "a",
    "ŵ" * 200,
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
)
TOO_LONG = "x" * 10_000
REFUSED: tuple[tuple[str, Json, str], ...] = (
    ("a name of 10,000 characters", {"name": TOO_LONG}, "name"),
    ("no name", {}, "name"),
    ("an empty name", {"name": ""}, "name"),
    ("a name of blanks", {"name": " \t "}, "name"),
    ("a name with a NUL", {"name": "A\x00B"}, "name"),
    ("a name that is a number", {"name": 7}, "name"),
    ("a name that is a list", {"name": ["A"]}, "name"),
    ("a company name of 10,000 characters", {"name": "A", "company_name": TOO_LONG}, "company_name"),
    ("notes of 20,001 characters", {"name": "A", "notes": "n" * 20_001}, "notes"),
    ("a field that there is none", {"name": "A", "nickname": "B"}, "nickname"),
    ("a field inside an address", {"name": "A", "billing_address": {"street": "B"}}, "billing_address.street"),
    (
        "a country that there is none",
        {"name": "A", "billing_address": {"country": "Atlantis"}},
        "billing_address.country",
    ),
    ("address lines without end", {"name": "A", "billing_address": {"lines": ["l"] * 500}}, "billing_address.lines"),
    ("an email without a domain", {"name": "A", "emails": ["ann"]}, "emails"),
    ("a second email that is none", {"name": "A", "emails": "ann@a.example, @"}, "emails"),
    ("an email of 10,000 characters", {"name": "A", "emails": [f"{TOO_LONG}@a.example"]}, "emails"),
    ("a header in an email", {"name": "A", "emails": ["ann@a.example\r\nBcc: all@b.example"]}, "emails"),
    ("a VAT number that is none", {"name": "A", "vat_number": "GB 123 4567 89"}, "vat_number"),
    ("a limit as a JSON number", {"name": "A", "credit_limit": 12.5}, "credit_limit"),
    ("a limit that is no number", {"name": "A", "credit_limit": "NaN"}, "credit_limit"),
    ("a limit without end", {"name": "A", "credit_limit": "Infinity"}, "credit_limit"),
    ("a limit that fills memory", {"name": "A", "credit_limit": "1E+999999999"}, "credit_limit"),
    ("a limit of 40 digits", {"name": "A", "credit_limit": "9" * 40 + ".00"}, "credit_limit"),
    ("a negative limit", {"name": "A", "credit_limit": "-1.00"}, "credit_limit"),
    ("a fraction of a penny", {"name": "A", "credit_limit": "1.005"}, "credit_limit"),
    ("a markup without end", {"name": "A", "fallback_markup": "1E+400"}, "fallback_markup"),
    ("a day that there is none", {"name": "A", "status_from": "2025-02-30"}, "status_from"),
    ("a day of the year 1", {"name": "A", "status_from": "0001-01-01"}, "status_from"),
    ("a day of the year 9999", {"name": "A", "status_from": "9999-12-31"}, "status_from"),
    ("a day as a number", {"name": "A", "status_from": 1735689600}, "status_from"),
    ("a day as people write it", {"name": "A", "status_from": "31/12/2025"}, "status_from"),
    ("a thirteenth month", {"name": "A", "anchor_month": 13}, "anchor_month"),
    ("a month beyond 64 bits", {"name": "A", "anchor_month": 10**30}, "anchor_month"),
    ("a list that has no such entry", {"name": "A", "payment_method": "barter"}, "payment_method"),
    ("an account number with mark-up", {"name": "A", "account_number": "<b>1</b>"}, "account_number"),
    ("terms that are none", {"name": "A", "payment_terms": "when I feel like it"}, "payment_terms"),
    (
        "a plan that ends before it starts",
        {"name": "A", "discount_plans": [{"plan": "p", "start": "2025-02-01", "end": "2025-01-01"}]},
        "discount_plans",
    ),
    ("a plan of the year 1", {"name": "A", "discount_plans": [{"plan": "p", "start": "0001-01-01"}]}, "discount_plans"),
)
NUMBERS = {
    "020 7946 0123": "+442079460123",
    "(020) 7946-0123": "+442079460123",
    "+44 (0)20 7946 0123": "+442079460123",
    "0044.20.7946.0123": "+442079460123",
    "\u202d020 7946 0123\u202c": "+442079460123",
    "020\u00a07946\u00a00123": "+442079460123",
    "020–7946–0123": "+442079460123",
    "０２０７９４６０１２３": "+442079460123",
    "tel:+44-20-7946-0123": "+442079460123",
    "442079460123": "+442079460123",
}
BODIES = {
    "not JSON": b"{",
    "nothing": b"",
    "a text": b'"A"',
    "a list": b"[]",
    "null": b"null",
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "half a surrogate pair": b'{"name": "\\ud800"}',
    "NaN": b'{"name": "A", "anchor_month": NaN}',
    "Infinity": b'{"name": "A", "anchor_month": Infinity}',
    "as deep as can be": b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of 10,000 digits": b'{"name": "A", "anchor_month": ' + b"9" * 10_000 + b"}",
}
PATHS = (
    "/customers/0",
    "/customers/-1",
    "/customers/9223372036854775807",
    "/customers/9223372036854775808",
    "/customers/1e3",
    "/customers/%00",
    "/customers/1%00",
    "/customers/../../etc/passwd",
    "/customers/١",
    "/numbers/99999999999999999999999999",
    "/reference/vat_rates/%00",
    "/reference/%00",
    "/reference/vat_rates/" + "x" * 5_000,
    "/customers?after=9223372036854775808",
    "/customers?limit=0",
    "/customers?limit=1000000",
    "/customers/1/status?on=0001-01-01",
    "/customers/search?after=AAAA",
    "/customers/cards?ids=" + ",".join(map(str, range(1, 1_000))),
    "/customers/cards?ids=1,x",
    "/reports/annual-increases?from=2025-12-31&to=2025-01-01",
)


def _problem(answer: httpx.Response, what: str, *statuses: int) -> Json:
    assert answer.status_code in statuses, f"{what}: {answer.status_code} {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json"
    told = dict(answer.json())
    assert told["detail"]
    return told


async def test_names_in_every_script_come_back_as_they_were(api: httpx.AsyncClient) -> None:
    """C1: whatever people and companies are called; nothing is escaped, cut or changed, here or in lists and files."""
    made = {}
    for name in NAMES:
        answer = await api.post("/customers", json={"name": name, "notes": f"{name}\n{name}"})
        assert answer.status_code == 201, (name, answer.text)
        made[answer.json()["customer_id"]] = name
    for customer_id, name in made.items():
        read = (await api.get(f"/customers/{customer_id}")).json()
        assert (read["name"], read["notes"]) == (name, f"{name}\n{name}")
    listed = (await api.get("/customers?limit=1000")).json()["items"]
    assert {each["customer_id"]: each["name"] for each in listed} == made
    assert {each["name"] for each in (await api.get("/customers/search?limit=500")).json()["items"]} == set(NAMES)


async def test_what_cannot_be_kept_is_refused_with_its_field(api: httpx.AsyncClient) -> None:
    """C1: the field, what is wrong with it, what to do; and nothing is stored."""
    for what, sent, field in REFUSED:
        errors = _problem(await api.post("/customers", json=sent), what, 422)["errors"]
        fields = [error["field"] for error in errors]
        assert any(each == field or each.startswith(f"{field}.") for each in fields), (what, errors)
        assert all(error["message"] for error in errors), what
    assert (await api.get("/customers")).json()["items"] == []


async def test_emails_are_read_as_people_paste_them(api: httpx.AsyncClient) -> None:
    """C1: several, with commas, semicolons, spaces and line breaks between them."""
    pasted = " ann@a.example,bob@b.example ;\n carol+bills@c.example  "
    made = await api.post("/customers", json={"name": "A", "emails": pasted})
    assert made.json()["emails"] == ["ann@a.example", "bob@b.example", "carol+bills@c.example"]


async def test_a_number_in_ten_spellings_is_one_number(api: httpx.AsyncClient) -> None:
    """C9: it is kept in one form, found in all of them, and held once."""
    customer_id = (await api.post("/customers", json={"name": "A"})).json()["customer_id"]
    for nth, (spelling, kept) in enumerate(NUMBERS.items()):
        sent = {"number": spelling, "call_plan": "standard", "start": f"20{nth:02}-01-01", "end": f"20{nth:02}-12-31"}
        answer = await api.post(f"/customers/{customer_id}/numbers", json=sent)
        assert answer.status_code == 201, (spelling, answer.text)
        assert answer.json()["number"]["number"] == kept
        again = await api.post(f"/customers/{customer_id}/numbers", json=sent)
        assert "A" in _problem(again, spelling, 409)["detail"]
    for spelling in NUMBERS:
        found = (await api.get("/numbers", params={"number": spelling})).json()["items"]
        assert len(found) == len(NUMBERS), spelling


async def test_a_body_that_is_no_customer_is_refused(api: httpx.AsyncClient) -> None:
    """DESIGN: a problem document, not a broken connection."""
    for what, body in BODIES.items():
        answer = await api.post("/customers", content=body, headers={"Content-Type": "application/json"})
        _problem(answer, what, 400, 422)
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", ""):
        answer = await api.post("/customers", content=b"<name>A</name>", headers={"Content-Type": kind})
        _problem(answer, kind, 415, 422)
    assert (await api.get("/customers")).json()["items"] == []


async def test_an_address_that_leads_nowhere_says_so(api: httpx.AsyncClient) -> None:
    """DESIGN: ids beyond 63 bits, NULs, days and cursors out of range."""
    for path in PATHS:
        _problem(await api.get(path), path, 400, 404, 422)


async def test_an_odd_if_match_is_told(api: httpx.AsyncClient) -> None:
    """C20: it is no ETag of ours, or an old one; nothing changes either way."""
    customer_id = (await api.post("/customers", json={"name": "A"})).json()["customer_id"]
    await api.put(f"/customers/{customer_id}", json={"notes": "mine"}, headers={"If-Match": '"1"'})
    for tag in ('"99999999999999999999999"', "7", '"x"', 'W/"1"', "", '"1", "2"', "é".encode("latin-1")):
        late = await api.put(f"/customers/{customer_id}", json={"notes": "late"}, headers={"If-Match": tag})
        _problem(late, str(tag), 412, 422)
    assert (await api.get(f"/customers/{customer_id}")).json()["notes"] == "mine"


async def test_a_key_sent_twice_in_one_body_is_the_last_of_the_two(api: httpx.AsyncClient) -> None:
    """JSON (RFC 8259): what readers do; no more than one customer comes of it."""
    body = b'{"name": "First", "name": "Last"}'
    made = await api.post("/customers", content=body, headers={"Content-Type": "application/json"})
    assert made.json()["name"] == "Last"
    assert len((await api.get("/customers")).json()["items"]) == 1
