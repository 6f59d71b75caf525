"""The words on a page's buttons: the rule is that of all content."""

from content.calls_to_action import Verdict, check, suggestion_for

__all__ = ["Verdict", "check", "suggestion_for"]
