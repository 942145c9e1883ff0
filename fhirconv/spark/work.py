"""Work given to Spark: what goes to the executors with it, and the columns that come back."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from fhirconv.mapping import load_mappings
from fhirconv.spark.rows import Work, columns_of, convert_batches

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def shipped(site: Path | None, profile: str) -> tuple[tuple[str, bytes], ...]:
    """The files of a site's mappings, by name; an executor needs no folder that the driver has.

    Raises MappingError and ValueError as load_mappings does, and ValueError for a folder that is not there.
    """
    if site and not site.is_dir():
        raise ValueError(f"{site} is no folder of mappings")
    load_mappings(site, profile)
    files = sorted(site.rglob("*.toml")) if site else ()
    return tuple((path.relative_to(site or path).as_posix(), path.read_bytes()) for path in files)


def apply(df: DataFrame, work: Work) -> DataFrame:
    """The DataFrame of what becomes of each row. Arrow batches: they need no RDD, which Spark Connect does not have."""
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StructField, StructType

    made = [StructField(name, from_arrow_type(kind)) for name, kind in columns_of(work).items()]
    schema = StructType([*made, *(df.schema[name] for name in work.keep)])
    return df.mapInArrow(functools.partial(convert_batches, work=work), schema)
