"""The project's own benchmarks: `python -m bench`. Ratios first, each against a limit or a plain
way built in the same run on the same rows."""
