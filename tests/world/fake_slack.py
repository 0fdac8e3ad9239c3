"""As much of a WebClient as the followers use, in memory, that fails as it is told."""

from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

OUR_BOT = "B0JITBOT0"


def answer(data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> SlackResponse:
    return SlackResponse(
        client=WebClient(),
        http_verb="POST",
        api_url="",
        req_args={},
        data=data,
        headers=headers or {},
        status_code=status,
    )


def refusal(error: str, status: int = 200, headers: dict[str, str] | None = None) -> SlackApiError:
    return SlackApiError("no", answer({"ok": False, "error": error}, status, headers))


class FakeSlack:
    """``fates`` of the coming posts and updates: an exception and whether it comes after the effect.
    ``refusing`` holds what a channel answers to everything.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.fates: list[tuple[BaseException | None, bool]] = []
        self.refusing: dict[str, SlackApiError] = {}
        self.updates = 0
        self._posted = 0
        self.homes: dict[str, dict[str, Any]] = {}
        self.publications: list[str] = []

    def auth_test(self) -> SlackResponse:
        return answer({"ok": True, "bot_id": OUR_BOT})

    def conversations_open(self, *, users: str) -> SlackResponse:
        return answer({"ok": True, "channel": {"id": f"D{users[1:]}"}})

    def chat_postMessage(self, **message: Any) -> SlackResponse:  # noqa: N802  Slack's name
        def effect() -> SlackResponse:
            ts = f"1700000000.{self._posted:06}"
            self._posted += 1
            self.messages.append({"ts": ts, "bot_id": OUR_BOT, **message})
            return answer({"ok": True, "channel": message["channel"], "ts": ts})

        return self._meet(message["channel"], effect)

    def chat_update(self, **change: Any) -> SlackResponse:
        def effect() -> SlackResponse:
            self.updates += 1
            found = [each for each in self.messages if each["ts"] == change["ts"]]
            if not found:
                raise refusal("message_not_found")
            found[0].update(change)
            return answer({"ok": True})

        return self._meet(change["channel"], effect)

    def views_publish(self, *, user_id: str, view: dict[str, Any], hash: str | None) -> SlackResponse:  # noqa: A002  Slack's name
        def effect() -> SlackResponse:
            before = self.homes.get(user_id)
            if hash and before and before["hash"] != hash:
                raise refusal("hash_conflict")
            self.publications.append(user_id)
            self.homes[user_id] = {**view, "hash": f"hash-{len(self.publications)}"}
            return answer({"ok": True, "view": self.homes[user_id]})

        return self._meet(user_id, effect)

    def _meet(self, channel: str, effect: Any) -> SlackResponse:
        fate, after = self.fates.pop(0) if self.fates else (self.refusing.get(channel), False)
        if fate and not after:
            raise fate
        done: SlackResponse = effect()
        if fate:
            raise fate
        return done

    def conversations_history(
        self,
        *,
        channel: str,
        limit: int,
        oldest: str = "0",
        cursor: str | None = None,
        include_all_metadata: bool = False,
    ) -> SlackResponse:
        """Newest first, in pages of two; with metadata on request only."""
        found = [each for each in self.messages if each["channel"] == channel and each["ts"] > oldest][::-1]
        if not include_all_metadata:
            found = [{key: value for key, value in each.items() if key != "metadata"} for each in found]
        start = int(cursor or 0)
        following = str(start + 2) if len(found) > start + 2 else ""
        page = found[start : start + min(limit, 2)]
        return answer({"ok": True, "messages": page, "response_metadata": {"next_cursor": following}})
