"""Who is billed for January, what stands on the bills, and why others get none."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from tests.scenarios.ledger import Json, Ledger, rounded

BILL_TO = "2025-01-31"


def charges_of(ledger: Ledger, role: str) -> Json:
    """What the calls of the customer that plays a role come to."""
    found: Json = ledger.charges[ledger.ids[ledger.account(role)]]
    return found


def line(ledger: Ledger, role: str, description: str) -> Json:
    """The one line with this description on the invoice of the customer that plays a role."""
    found: Json
    [found] = [each for each in ledger.invoice(role)["lines"] if each["description"] == description]
    return found


def rates_of(invoice: Json) -> dict[str, tuple[str, str, str]]:
    """Percentage, net and VAT by rate entry."""
    return {each["vat_rate"]: (each["percent"], each["net"], each["vat"]) for each in invoice["vat_lines"]}


def assert_on_no_bill(ledger: Ledger, role: str) -> None:
    """The customer has calls, all of them open for a later bill, and no invoice."""
    open_calls = charges_of(ledger, role)
    assert Decimal(open_calls["unbilled_to_date"]) > 0
    assert Decimal(open_calls["closed_charge"]) == 0
    assert ledger.account(role) not in ledger.invoices


def test_businesses_and_households_are_billed(ledger: Ledger) -> None:
    """C1, I6: approved and sent, each with a number."""
    business = [account for account in ledger.invoices if ledger.customers[account].get("company_name")]
    assert business
    assert set(ledger.invoices) - set(business)
    assert {invoice["status"] for invoice in ledger.invoices.values()} == {"sent"}


def test_invoice_numbers_are_one_series_without_gaps(ledger: Ledger) -> None:
    """I6: sequential without gaps, also where an approval was interrupted."""
    numbers = sorted(invoice["number"] for invoice in ledger.invoices.values())
    assert numbers == [f"INV{index:06d}" for index in range(1, len(numbers) + 1)]


def test_a_usage_line_is_the_exact_sum_of_its_calls_rounded_once(ledger: Ledger) -> None:
    """Z2, Z3: one line per number, class and band, of all calls up to the bill-to date."""
    compared = 0
    for account in ledger.invoices:
        sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for call in ledger.usage[account]:
            if call["local_date"] <= BILL_TO:
                sums[call["charged_number"], call["call_class"], call["band"]] += Decimal(call["charge"])
        lines = ledger.lines(account, "usage")
        assert {(each["number"], each["call_class"], each["band"]): Decimal(each["net"]) for each in lines} == {
            key: rounded(total) for key, total in sums.items()
        }
        assert len(lines) == len(sums)
        compared += len(lines)
    assert compared > 100


def test_calls_after_the_bill_to_date_wait_for_the_next_bill(ledger: Ledger) -> None:
    """Z3: calls after the bill-to date are never in a close."""
    account = next(each for each in ledger.invoices if any(call["local_date"] > BILL_TO for call in ledger.usage[each]))
    later = [Decimal(call["charge"]) for call in ledger.usage[account] if call["local_date"] > BILL_TO]
    found = ledger.charges[ledger.ids[account]]
    assert sum(later) == Decimal(found["unbilled_after"])
    assert Decimal(found["rated_charge"]) == Decimal(found["closed_charge"]) + sum(later)


def test_calls_of_december_that_came_late_are_on_the_january_bill(ledger: Ledger) -> None:
    """Z3, B7: however old; late usage is not lost."""
    late = [call for account in ledger.invoices for call in ledger.usage[account] if call["local_date"] < "2025-01-01"]
    assert late
    billed = {each["close_id"] for account in ledger.invoices for each in ledger.lines(account, "usage")}
    assert billed
    for customer_id in {call["customer_id"] for call in late}:
        assert Decimal(ledger.charges[customer_id]["unbilled_to_date"]) == 0


@pytest.mark.parametrize("role", ["quarterly_due", "quarterly_due_from_october", "quarterly_first_bill"])
def test_a_quarterly_customer_is_billed_in_its_months(ledger: Ledger, role: str) -> None:
    """C5, Z10: every third month from its anchor; without one, from the month of the first bill."""
    assert ledger.customers[ledger.account(role)]["billing_cycle"] == "quarterly"
    assert ledger.fate(role) == ("drafted", "")
    assert Decimal(charges_of(ledger, role)["unbilled_to_date"]) == 0


@pytest.mark.parametrize("role", ["quarterly_not_due", "manual_cycle"])
def test_a_customer_that_is_not_due_is_not_in_the_run(ledger: Ledger, role: str) -> None:
    """C5: a cycle names its months; a run never bills the manual one."""
    assert ledger.fate(role) is None
    assert_on_no_bill(ledger, role)


def test_a_do_not_bill_customer_accumulates_and_is_not_billed(ledger: Ledger) -> None:
    """C8: Active - Do Not Bill accumulates charges and is not billed in runs."""
    assert ledger.fate("do_not_bill") is None
    assert_on_no_bill(ledger, "do_not_bill")


def test_a_dropped_customer_gets_no_calls_and_no_bill(ledger: Ledger) -> None:
    """Z7, C15: calls inside the old active period are refused too."""
    numbers = {number["number"] for number in ledger.customers[ledger.account("dropped")]["numbers"]}
    refused = [call for call in ledger.held("suspended", "customer_dropped") if call["charged_number"] in numbers]
    assert refused
    dropped_on = ledger.customers[ledger.account("dropped")]["status_history"][1]["effective_from"]
    assert any(call["local_date"] < dropped_on for call in refused)
    assert ledger.usage[ledger.account("dropped")] == []
    assert ledger.fate("dropped") is None


def test_a_customer_without_an_address_is_parked_and_says_so(ledger: Ledger) -> None:
    """Z10, I3: missing details park it with the list of them, and the run goes on."""
    assert ledger.fate("missing_details") == ("parked", "missing details: billing address")
    assert ledger.account("missing_details") not in ledger.invoices
    assert Decimal(charges_of(ledger, "missing_details")["rated_charge"]) > 0


@pytest.mark.parametrize("role", ["rolls_forward_small", "rolls_forward_zero"])
def test_a_low_bill_rolls_forward(ledger: Ledger, role: str) -> None:
    """I5, Z12: under its threshold, or without any line; it is on the next bill then."""
    assert ledger.fate(role) == ("skipped", "roll_forward")
    assert ledger.account(role) not in ledger.invoices


def test_what_rolls_forward_is_open_again(ledger: Ledger) -> None:
    """Z12: the usage of a bill that rolls forward is in no close that stands."""
    found = charges_of(ledger, "rolls_forward_small")
    assert Decimal(0) < Decimal(found["unbilled_to_date"]) < Decimal(50)
    assert Decimal(found["closed_charge"]) == 0


def test_a_low_usage_charge_is_added_at_the_customers_vat_rate(ledger: Ledger) -> None:
    """Z12: a fixed amount; 20 % of 3.50 is 0.70."""
    invoice = ledger.invoice("low_usage_charge")
    assert [each["net"] for each in invoice["lines"] if each["kind"] == "low_usage_charge"] == ["3.50"]
    assert (invoice["net"], invoice["vat"], invoice["gross"]) == ("3.50", "0.70", "4.20")


def test_an_empty_bill_is_made_where_the_customer_wants_it(ledger: Ledger) -> None:
    """I5: create anyway."""
    invoice = ledger.invoice("empty_invoice")
    assert (invoice["net"], invoice["vat"], invoice["gross"]) == ("0.00", "0.00", "0.00")


def test_the_standard_rate_is_that_of_the_invoice_date(ledger: Ledger) -> None:
    """Z13, C4: rates have dates; on 1 February 2025 it is 20 %, half up on the net at the rate."""
    invoice = ledger.invoice("terms_days_after")
    net = Decimal(invoice["net"])
    assert rates_of(invoice) == {"standard": ("20", str(net), str(rounded(net / 5)))}
    assert Decimal(invoice["gross"]) == net + rounded(net / 5)


@pytest.mark.parametrize("rate", ["zero", "exempt", "outside_scope", "reverse_charge"])
def test_treatments_without_vat_add_none_and_are_told_apart(ledger: Ledger, rate: str) -> None:
    """C7, Z13: grouping is by rate entry, not by percentage."""
    role = {"zero": "zero_rated"}.get(rate, rate)
    invoice = ledger.invoice(role)
    assert [(each["vat_rate"], each["vat"]) for each in invoice["vat_lines"]] == [(rate, "0.00")]
    assert Decimal(invoice["gross"]) == Decimal(invoice["net"]) > 0


def test_a_reverse_charge_invoice_carries_the_statement_that_the_law_asks_for(ledger: Ledger) -> None:
    """C7: no VAT is added, and the customer is told to account for it."""
    [vat_line] = ledger.invoice("reverse_charge")["vat_lines"]
    assert "reverse charge" in vat_line["statement"].lower()


def test_a_charges_own_vat_rate_goes_before_the_customers(ledger: Ledger) -> None:
    """Z13: three directories at 12.35, zero rated; an energy monitor of 2.49 from 6 January, reduced.

    In advance to the end of February: 2.49 x 26/31 + 2.49 = 4.58, and 5 % of it 0.23.
    """
    found = rates_of(ledger.invoice("own_vat_rate"))
    assert found["zero"] == ("0", "37.05", "0.00")
    assert found["reduced"] == ("5", "4.58", "0.23")
    percent, net, vat = found["standard"]
    assert (percent, Decimal(vat)) == ("20", rounded(Decimal(net) / 5))
    assert Decimal(ledger.invoice("own_vat_rate")["net"]) == Decimal("41.63") + Decimal(net)


@pytest.mark.parametrize(
    ("role", "due"),
    [
        ("terms_days_after", "2025-02-22"),
        ("terms_day_of_month", "2025-02-28"),
        ("terms_before_month_end", "2025-02-27"),
    ],
)
def test_each_kind_of_payment_terms_has_its_due_date(ledger: Ledger, role: str, due: str) -> None:
    """C6, Z15: of an invoice of 1 February: 21 days after it; the 31st, in February the 28th; the last day but one."""
    assert ledger.invoice(role)["due_date"] == due


def test_a_payment_methods_terms_hold_where_the_customer_has_none(ledger: Ledger) -> None:
    """C6: direct debit and card after 14 days, bank transfer and cheque after 30."""
    dates = {"direct_debit": "2025-02-15", "card": "2025-02-15", "bank_transfer": "2025-03-03", "cheque": "2025-03-03"}
    plain = {a: i for a, i in ledger.invoices.items() if "payment_terms" not in ledger.customers[a]}
    found = {(ledger.customers[account]["payment_method"], invoice["due_date"]) for account, invoice in plain.items()}
    assert len(found) >= 2
    assert found <= set(dates.items())


def test_a_part_of_a_month_is_charged_by_its_days(ledger: Ledger) -> None:
    """I1: 9 to 24 January are 16 of 31 days: 19.99 x 16/31 = 10.32."""
    temporary = line(ledger, "part_month", "Temporary line")
    assert (temporary["first_day"], temporary["last_day"]) == ("2025-01-09", "2025-01-24")
    assert temporary["net"] == "10.32"


def test_a_quarter_in_arrears_and_a_year_in_advance(ledger: Ledger) -> None:
    """I2: periods run from the month of the start, November: one quarter has ended, one year has begun."""
    assert line(ledger, "long_periods", "Site survey")["net"] == "100.00"
    licence = line(ledger, "long_periods", "Licence")
    assert (licence["net"], licence["last_day"]) == ("365.00", "2025-10-31")


def test_a_charge_in_arrears_that_ended_is_settled_to_its_end(ledger: Ledger) -> None:
    """Z4: 10 December to 19 January at 10.00 a month: 10 x 22/31 + 10 x 19/31 = 13.23, rounded once."""
    ended = line(ledger, "long_periods", "Ended in arrears")
    assert (ended["net"], ended["last_day"]) == ("13.23", "2025-01-19")


def test_a_recurring_charge_in_advance_is_charged_to_the_end_of_the_next_month(ledger: Ledger) -> None:
    """I2: the period that holds the day after the bill-to date."""
    broadband = line(ledger, "long_periods", "Broadband")
    assert (broadband["first_day"], broadband["last_day"], broadband["net"]) == ("2025-01-01", "2025-02-28", "62.50")


def test_all_charges_are_on_a_bill_or_have_a_reason_not_to_be(ledger: Ledger) -> None:
    """I4: what calls came to = what is in closes that stand + what is open, for every customer with calls."""
    assert ledger.charges
    for account, customer_id in ledger.ids.items():
        calls = ledger.usage[account]
        if calls:
            found = ledger.charges[customer_id]
            parts = ("closed_charge", "unbilled_to_date", "unbilled_after")
            assert sum(Decimal(call["charge"]) for call in calls) == sum(Decimal(found[part]) for part in parts)
