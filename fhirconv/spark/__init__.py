"""Cases in a Spark DataFrame to Bundles in one: `from fhirconv.spark import convert_cases`. Needs `fhirconv[spark]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fhirconv.bundle import BUNDLE_TYPES
from fhirconv.issues import nearest, shown
from fhirconv.mapping import DEFAULT_PROFILE
from fhirconv.schema import case_schema
from fhirconv.spark.session import need_pyspark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["convert_cases"]


def convert_cases(
    df: DataFrame,
    column: str | None = "case",
    *,
    keep: Sequence[str] | None = None,
    profile: str = DEFAULT_PROFILE,
    bundle: str = "transaction",
    mappings: str | Path | None = None,
    source: str | Path | None = None,
    validate: bool = True,
) -> DataFrame:
    """A row with a Bundle for each row with a case, in its place and partition; lazy, as all of Spark.

    `column` holds the JSON of a case, as string or binary. With `column=None` the columns are the sections of case facts
    (structs, and arrays of structs; see `fhirconv schema`): NULL is a field not stated.
    `keep` names the columns that are carried along: all others by default, and none with `column=None`.
    Columns that come out: case_id, ok, bundle (JSON; NULL when the case was rejected), issues (severity, rule, message,
    line, column, pointer, expression), facts (converted, kept_as_text, merged, rejected), and those kept.
    The rest is as for `fhirconv.convert`; `mappings` is a folder of the driver, whose files go to the executors with the
    work, `source` a path that each executor has.

    Raises MappingError for mappings that cannot be used and ValueError for arguments that cannot, before anything runs;
    SparkError where Arrow is not installed. A row never fails a job: what is wrong with it stands in its issues.
    """
    need_pyspark()
    from fhirconv.many.converter import Settings
    from fhirconv.spark.rows import RESULT, Work
    from fhirconv.spark.work import apply, shipped

    if bundle not in BUNDLE_TYPES:
        raise ValueError(f"bundle must be one of {', '.join(BUNDLE_TYPES)}, not {shown(bundle)}")
    kept = _kept(df.columns, column, keep)
    if taken := [name for name in kept if name in RESULT]:
        raise ValueError(f"column {shown(taken[0])} is one of those that come out; rename it, or leave it out of keep")
    settings = Settings(
        profile, bundle, Path(mappings) if mappings else None, Path(source) if source else None, validate
    )
    return apply(df, Work(column, kept, settings, shipped(settings.site, profile)))


def _kept(columns: list[str], column: str | None, keep: Sequence[str] | None) -> tuple[str, ...]:
    """The columns that are carried along; raises ValueError where one would be lost."""
    for name in (*([column] if column is not None else []), *(keep or ())):
        if name not in columns:
            raise ValueError(f"the DataFrame has no column {shown(name)}{nearest(name, columns)}")
    others = [name for name in columns if name != column] if column is not None else []
    kept = tuple(others if keep is None else keep)
    if column is None:
        known = ("format", "conventions", *case_schema().sections)
        for name in columns:
            if name not in kept and name not in known:
                raise ValueError(f"column {shown(name)} is no section of case facts{nearest(name, known)}; or keep it")
    return kept
