"""Files of cases to a folder of Bundles by Spark, in one pass: lines in, part files out, counts that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fhirconv.issues import FhirconvError
from fhirconv.ledger import OUTCOMES
from fhirconv.many.tally import Tally
from fhirconv.spark.failures import first_line
from fhirconv.spark.rows import BLANK, CONVERTED, REJECTED, Lines, Work
from fhirconv.spark.work import apply

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

FORMATS = ("ndjson", "parquet")
OUTCOME = "outcome"  # names the folders in the output: outcome=converted, outcome=rejected
_FILE, _BLOCK, _VALUE = "file", "block", "value"
_PATTERN = frozenset("*?[]{}")


class FilesError(FhirconvError):
    """The input or the output cannot be what was named; nothing was converted."""


def read_lines(spark: SparkSession, paths: Sequence[str], out: str, overwrite: bool) -> DataFrame:
    """The lines of the files as Spark splits them, with file and first byte of the split.

    Raises FilesError for an input without a file and an output that is there or would be mixed with the input.
    """
    from pyspark.errors import AnalysisException

    try:
        lines = spark.read.option("lineSep", "\n").text(list(paths))
    except AnalysisException as error:
        raise FilesError(f"{', '.join(paths)} cannot be read: {first_line(error)}") from None
    _check_paths(spark, paths, out, overwrite, lines.inputFiles())
    return lines.selectExpr(
        f"cast(value as binary) as {_VALUE}",
        f"_metadata.file_path as {_FILE}",
        f"_metadata.file_block_start as {_BLOCK}",
    )


def _check_paths(spark: SparkSession, paths: Sequence[str], out: str, overwrite: bool, files: list[str]) -> None:
    named = [_plain(unquote(file)) for file in files]
    target = _full_path(spark, out)
    for path in paths:
        full = _full_path(spark, path)
        if not _PATTERN.intersection(path) and not any(_is_in(file, full) for file in named):
            raise FilesError(
                f"{path}: Spark reads no file there: it passes over names that begin with '_' or '.'; rename it"
            )
        if _is_in(target, full):
            raise FilesError(f"{out} is in the input {path}; name a folder beside it")
    if any(_is_in(file, target) for file in named):
        raise FilesError(f"{out} holds a file of the input; name a folder beside it")
    if not overwrite and _exists(spark, out):
        raise FilesError(f"{out} is there already; name another folder, or say --overwrite")


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _hadoop(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's path and the file system that it is on: what a path means is for the cluster's settings to say."""
    context: Any = spark.sparkContext
    java = context._jvm.org.apache.hadoop.fs.Path(path)
    return java, java.getFileSystem(context._jsc.hadoopConfiguration())


def _full_path(spark: SparkSession, path: str) -> str:
    java, system = _hadoop(spark, path)
    return _plain(str(system.makeQualified(java).toString()))


def _exists(spark: SparkSession, path: str) -> bool:
    java, system = _hadoop(spark, path)
    return bool(system.exists(java))


def _plain(uri: str) -> str:
    """file:///a and file:/a are one."""
    return "file:" + uri.removeprefix("file://") if uri.startswith("file:///") else uri


def convert_lines(lines: DataFrame, out: str, kind: str, work: Work, overwrite: bool) -> Tally:
    """Writes what becomes of the lines; raises what Spark raises. The tally has the facts by outcome alone.

    The lines are counted first, which is cheap: where a split begins within its file is known then, and with it the
    number of each line.
    """
    from pyspark.sql import Observation
    from pyspark.sql import functions as f

    # With room for one file more than there are outcomes Spark writes rows as they come. Else it sorts them by outcome first,
    # and mixes what is alike where that does not fit into memory.
    lines.sparkSession.conf.set("spark.sql.maxConcurrentOutputFileWriters", "3")
    as_text = kind == "ndjson"
    work = replace(work, column=_VALUE, lines=Lines(_FILE, _BLOCK, _lines_before(lines), as_text))
    seen = Observation()
    done = apply(lines, work).observe(seen, *_totals()).where(f.col(OUTCOME) != BLANK)
    writer = (
        done.drop("facts" if as_text else "ok").write.partitionBy(OUTCOME).mode("overwrite" if overwrite else "error")
    )
    writer.format("text" if as_text else "parquet").save(out)
    counts = {name: int(number or 0) for name, number in seen.get.items()}
    facts = Counter({("", one): counts[f"facts {one}"] for one in OUTCOMES})
    return Tally(counts[CONVERTED], counts[REJECTED], counts[BLANK], facts)


def _lines_before(lines: DataFrame) -> dict[tuple[str, int], int]:
    """For each split of a file, named by its first byte, the number of lines that stand before it."""
    found = sorted((row[_FILE], row[_BLOCK], row["count"]) for row in lines.groupBy(_FILE, _BLOCK).count().collect())
    before: dict[tuple[str, int], int] = {}
    last, number = "", 0
    for file, block, count in found:
        number = number if file == last else 0
        before[file, block] = number
        last, number = file, number + count
    return before


def _totals() -> list[Column]:
    from pyspark.sql import functions as f

    def total(value: Column, name: str) -> Column:
        return f.sum(value).alias(name)

    cases = [total((f.col(OUTCOME) == one).cast("long"), one) for one in (CONVERTED, REJECTED, BLANK)]
    return cases + [total(f.col("facts")[one.replace(" ", "_")], f"facts {one}") for one in OUTCOMES]
