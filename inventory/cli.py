"""`flask --app wsgi stock …`: the stock in and out."""

import json
import sys
from pathlib import Path

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from core.text import group_thousands
from inventory import exporting
from inventory.importing import FORMATS, ImportOptions, ImportRefused, Report, import_stock

MOST_LINES = 50  # of each list on the screen; the report file has them all

stock_commands = AppGroup("stock", help="Bring vehicles in and out.")


@stock_commands.command("import")
@click.argument("path_or_url")
@click.option(
    "--format", "format_name", type=click.Choice(FORMATS), help="Default: told by content."
)
@click.option(
    "--source", help="Name of the source its ids belong to. Default: file name or address."
)
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--partial", is_flag=True, help="The file is not the whole stock: withdraw nothing.")
@click.option("--report", "report_path", type=click.Path(dir_okay=False), help="Write it as JSON.")
@click.option("--accept-withdrawals", is_flag=True, help="Withdraw even if many are missing.")
def import_command(
    path_or_url: str,
    format_name: str | None,
    source: str | None,
    dry_run: bool,
    partial: bool,
    report_path: str | None,
    accept_withdrawals: bool,
) -> None:
    """Import the stock of a file or address (CSV, XLSX, XML, JSON).

    Exit status 0: all rows in; 1: some rows rejected, the good ones in; 2: refused, nothing
    changed.
    """
    options = ImportOptions(
        format=format_name,
        source=source,
        is_dry_run=dry_run,
        is_partial=partial,
        accepts_withdrawals=accept_withdrawals,
    )
    _try_report(report_path)
    try:
        report = import_stock(path_or_url, options)
    except ImportRefused as refusal:
        _write_report(report_path, {**Report().as_json(), "refused": str(refusal)})
        click.echo(str(refusal), err=True)
        sys.exit(2)
    _write_report(report_path, report.as_json())
    for line in lines_of(report):
        click.echo(line)
    sys.exit(report.exit_code)


@stock_commands.command("export")
@click.option("--format", "format_name", type=click.Choice(exporting.FORMATS), default="csv")
@click.option("--private", is_flag=True, help="With plate, RENAVAM and chassis.")
def export_command(format_name: str, private: bool) -> None:
    """Write the whole stock to the standard output."""
    export = exporting.export_jsonl if format_name == "jsonl" else exporting.export_csv
    for piece in export(is_private=private):
        click.echo(piece.encode(), nl=False)


def _try_report(path: str | None) -> None:
    """Refuse a report that cannot be written before the stock changes, not after."""
    if path:
        try:
            Path(path).open("a").close()
        except OSError:
            click.echo(_("The report cannot be written to %(path)s.", path=path), err=True)
            sys.exit(2)


def _write_report(path: str | None, report: dict[str, object]) -> None:
    if path:
        text = json.dumps(report, ensure_ascii=False, indent=2)
        Path(path).write_text(text + "\n", encoding="utf-8")


def lines_of(report: Report) -> list[str]:
    """The report for the screen."""
    head = _("Nothing was written: this was a trial.") if report.is_dry_run else None
    counts = (
        (_("new"), report.created),
        (_("changed"), report.updated),
        (_("unchanged"), report.unchanged),
        (_("withdrawn"), report.withdrawn),
        (_("rejected"), len(report.rejected)),
    )
    lines = [head] if head else []
    lines += [f"{label}: {group_thousands(count)}" for label, count in counts]
    problems = [problem for row in report.rejected for problem in row.problems]
    for title, found in ((_("Rejected rows"), problems), (_("Warnings"), report.warnings)):
        if found:
            lines += ["", f"{title}:"]
            lines += [_problem_line(p.row, p.column, p.reason) for p in found[:MOST_LINES]]
            if len(found) > MOST_LINES:
                more = group_thousands(len(found) - MOST_LINES)
                lines.append(_("… and %(count)s more (see --report)", count=more))
    if report.unknown_columns:
        names = ", ".join(report.unknown_columns[:MOST_LINES])
        lines += ["", _("Columns that were not read: %(names)s", names=names)]
    return lines


def _problem_line(row: int, column: str, reason: str) -> str:
    if not row:
        return f"  {reason}"
    place = str(_("row %(row)s", row=row))
    return f"  {place}, {column}: {reason}" if column else f"  {place}: {reason}"
