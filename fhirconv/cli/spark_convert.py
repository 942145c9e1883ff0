"""fhirconv spark-convert"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.convert import bundle_option
from fhirconv.cli.options import loaded_mappings, mappings_option, profile_option, source_option
from fhirconv.issues import FhirconvError

if TYPE_CHECKING:
    from fhirconv.many.tally import Tally
    from fhirconv.spark.rows import Work


@click.command("spark-convert")
@click.argument("paths", metavar="IN...", nargs=-1, required=True)
@click.argument("out", metavar="OUT")
@click.option(
    "--format", "kind", type=click.Choice(("ndjson", "parquet")), default="ndjson", show_default=True, help="Of OUT."
)
@bundle_option
@profile_option
@mappings_option
@source_option
@click.option(
    "--on-error",
    type=click.Choice(("skip", "stop")),
    default="skip",
    show_default=True,
    help="At a rejected case: note it and go on, or stop and write nothing.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
@click.option("--master", metavar="URL", help="Where Spark runs; local[*] unless spark-submit says otherwise.")
@click.option("--no-validate", is_flag=True, help="Leave the Bundles unchecked: for those who measure.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def command(
    paths: tuple[str, ...],
    out: str,
    kind: str,
    bundle_type: str,
    profile: str,
    site: Path | None,
    source: Path | None,
    on_error: str,
    overwrite: bool,
    master: str | None,
    no_validate: bool,
    quiet: bool,
) -> None:
    """Convert NDJSON of cases by Apache Spark, on this machine or a cluster: Bundles and rejects in the folder OUT.

    IN and OUT are paths as Spark takes them: files, folders and patterns on any file system that it knows; .gz is read.
    On one machine `fhirconv convert --workers N` is faster.
    """
    loaded_mappings(site, profile)
    try:
        work = _work(bundle_type, profile, site, source, not no_validate, on_error == "stop")
        tally = _run(paths, out, kind, work, overwrite, master)
    except FhirconvError as error:
        say(f"error: {error}")
        raise click.exceptions.Exit(Exit.USAGE) from None
    if not quiet:
        _summary(tally, out)
    raise click.exceptions.Exit(Exit.FINDINGS if tally.rejected else Exit.DONE)


def _work(bundle: str, profile: str, site: Path | None, source: Path | None, validate: bool, stop: bool) -> Work:
    from fhirconv.spark.session import need_pyspark

    need_pyspark()
    from fhirconv.many.converter import Settings
    from fhirconv.spark.rows import Work
    from fhirconv.spark.work import shipped

    settings = Settings(profile, bundle, site, source.resolve() if source else None, validate)
    return Work(None, (), settings, shipped(site, profile), stop=stop)


def _run(paths: tuple[str, ...], out: str, kind: str, work: Work, overwrite: bool, master: str | None) -> Tally:
    """Raises FhirconvError; ends the command where Spark itself failed."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from fhirconv.spark.failures import first_line, stopped_at
    from fhirconv.spark.files import convert_lines, read_lines
    from fhirconv.spark.session import spark_session

    with spark_session(master) as spark:
        try:
            return convert_lines(read_lines(spark, paths, out, overwrite), out, kind, work, overwrite)
        except (PySparkException, Py4JError) as error:
            stopped = stopped_at(error)
            say(f"{stopped}: error: the case is rejected; stopped" if stopped else f"error: Spark: {first_line(error)}")
            say(f"  {out} is not complete (it has no _SUCCESS); mend what is wrong and run again with --overwrite")
            raise click.exceptions.Exit(Exit.FINDINGS) from None


def _summary(tally: Tally, out: str) -> None:
    from fhirconv.cli.summary import counted

    for line in counted(tally, "converted"):
        say(line)
    for name, number, outcome in (("Bundles", tally.converted, "converted"), ("rejected", tally.rejected, "rejected")):
        if number:
            say(f"{name}: {out.rstrip('/')}/outcome={outcome}")
