"""ADF by post: the document itself, or a mail that holds one."""

from typing import Final

from integrators.accounts import Account
from integrators.incoming.fields import text_of
from integrators.incoming.mailbox import read_message
from integrators.incoming.proofs import basic, is_same
from integrators.incoming.prospects import prospects
from integrators.incoming.source import Post, Reading, Source


class Adf(Source):
    kind = "adf"
    headers = ("authorization",)

    def refusal(self, post: Post, account: Account) -> str:
        name, password = account.get("username"), account.get("password")
        if not (name or password):
            return ""
        sent = basic(post)
        is_good = is_same(sent[0], name) and is_same(sent[1], password)
        return "" if is_good else "user name or password does not match"

    def read(self, post: Post, account: Account) -> Reading:
        if post.content_type == "message/rfc822":
            return read_message(post, account, source="adf")
        return prospects(text_of(post.body), account, source="adf")


SOURCE: Final = Adf()
