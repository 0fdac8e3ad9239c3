"""Generic lines of JSON, one for each thing done: what no parser knows is brought into this form and read.

`time, target, source, principal, session, seq, request, class, text, objects, rows, client`. A line without a target is
about the target that is given; one about another is passed over.
"""

from collections.abc import Iterator

from jit.detect.activity.lines import Line
from jit.detect.activity.model import Activity
from jit.detect.activity.parsers.parser import OF_ANOTHER, Parser, Unreadable, moment, object_of, text
from jit.detect.activity.secrets import masked
from jit.facts import ActivityClass
from jit.requests.lifecycle import REQUEST_ID


class JsonLines(Parser):
    source = "json"

    def _parse(self, line: Line) -> Iterator[Activity]:
        told = object_of(line)
        if text(told, "target") not in {"", self.target}:
            raise Unreadable(f"{OF_ANOTHER} target")
        try:
            class_ = ActivityClass(text(told, "class"))
        except ValueError:
            raise Unreadable("of no class that is known") from None
        objects, rows, request = told.get("objects"), told.get("rows"), text(told, "request")
        yield Activity.bounded(
            time=moment(text(told, "time"), self.zone),
            target=self.target,
            source=text(told, "source") or self.source,
            principal=text(told, "principal"),
            session=text(told, "session"),
            seq=str(told.get("seq", "")),
            request=request if REQUEST_ID.fullmatch(request) else None,
            class_=class_,
            text=masked(text(told, "text")),
            objects=tuple(each for each in objects if isinstance(each, str)) if isinstance(objects, list) else (),
            rows=rows if isinstance(rows, int) and not isinstance(rows, bool) else None,
            client=text(told, "client"),
        )
