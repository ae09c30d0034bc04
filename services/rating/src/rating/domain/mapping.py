"""Suppliers' CSV files as data: what each column means (SPEC R2, Z17, Z18, Z20, Z21)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.cdrs import Direction, ServiceType


class CallType(BaseModel):
    """What a code in the column of call types stands for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service_type: ServiceType
    direction: Direction


class Columns(BaseModel):
    """Which column holds what. A record id may be built from several columns, joined by `/` (SPEC Z21)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    call_type: str
    record_id: tuple[str, ...] = Field(min_length=1)
    charged_number: str
    other_party: str | None = None
    date: str
    time: str
    duration: str
    volume: str | None = None
    units: str | None = None
    call_class: str | None = None
    currency: str | None = None
    suggested_retail_price: str | None = None
    cdr_cost: str | None = None
    carrier_cost: str | None = None


class CdrMapping(BaseModel):
    """How a supplier's CSV file is read. Times are local, in Europe/London (SPEC Z20)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    header: tuple[str, ...] = Field(min_length=1, description="the file's first line, column by column")
    columns: Columns
    call_types: dict[str, CallType] = Field(min_length=1)
    date_format: str = "%d/%m/%Y"
    time_format: str = "%H:%M:%S"
    second_of_repeated_hour: bool = Field(default=False, description="October's repeated hour: winter time is meant")
    duration_unit: Literal["seconds", "hh:mm:ss"] = "seconds"
    volume_unit: Literal["bytes", "kilobytes", "megabytes"] = "bytes"
    cost_unit: Literal["pounds", "pence"] = "pounds"
    empty_when_zero: tuple[Literal["suggested_retail_price", "cdr_cost", "carrier_cost"], ...] = ()
    default_currency: str = Field(default="GBP", pattern=r"^[A-Z]{3}$")

    @model_validator(mode="after")
    def _columns_are_in_the_header(self) -> CdrMapping:
        if len(set(self.header)) != len(self.header):
            raise ValueError("header: a column stands in it twice")
        named = self.columns.model_dump()
        for field, names in named.items():
            for name in names if isinstance(names, tuple) else [names]:
                if name is not None and name not in self.header:
                    raise ValueError(f"columns.{field}: '{name}' is not a column of the header")
        return self


class BadCellError(ValueError):
    """A cell that cannot be read: reason, column, what is wrong."""
