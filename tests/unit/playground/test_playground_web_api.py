"""The playground's Web API, called by Slack's own client."""

import json

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from playground.people import User
from playground.sample import (
    ALICE,
    APP_TOKEN,
    AUDIT,
    BOB,
    BOT,
    BOT_TOKEN,
    CAROL,
    EVE,
    MALLORY,
    REQUESTS,
    TEAM,
    sample_workspace,
)
from playground.world import Channel

NOON = 1_700_000_000.0
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Form"}, "blocks": [SECTION]}


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def slack(clock, playgrounds):
    slack = sample_workspace(clock)
    slack.rate.enabled = False
    with playgrounds.running(slack):
        yield slack


@pytest.fixture
def client(slack):
    return WebClient(BOT_TOKEN, base_url=f"{slack.url}/api/")


def refused(call, *args, **kwargs):
    with pytest.raises(SlackApiError) as caught:
        call(*args, **kwargs)
    return caught.value.response


def test_auth_test_says_who_the_app_is(client):
    said = client.auth_test()
    assert (said["team_id"], said["user_id"], said["bot_id"]) == (TEAM, BOT, "B0JITBOT0")


@pytest.mark.parametrize(
    ("token", "error"), [("", "not_authed"), ("xoxb-stolen", "invalid_auth"), (APP_TOKEN, "not_allowed_token_type")]
)
def test_a_call_with_the_wrong_token_is_refused(slack, token, error):
    client = WebClient(token, base_url=f"{slack.url}/api/")
    assert refused(client.users_info, user=ALICE)["error"] == error


def test_an_unknown_method_is_refused(client):
    assert refused(client.api_call, "chat.shout")["error"] == "unknown_method"


def test_a_method_without_its_scope_is_refused(clock, playgrounds):
    slack = sample_workspace(clock, scopes=frozenset({"chat:write"}))
    with playgrounds.running(slack):
        said = refused(WebClient(BOT_TOKEN, base_url=f"{slack.url}/api/").users_info, user=ALICE)
    assert (said["error"], said["needed"], said["provided"]) == ("missing_scope", "users:read", "chat:write")


def test_messages_get_unique_rising_ts_from_the_clock(client):
    first, second = (client.chat_postMessage(channel=REQUESTS, text="x")["ts"] for _ in range(2))
    assert first.startswith("1700000000.")
    assert len(first.split(".")[1]) == 6
    assert second > first


def test_a_posted_message_comes_back_as_slack_stores_it(client):
    said = client.chat_postMessage(
        channel=REQUESTS,
        text="point",
        blocks=[SECTION],
        metadata={"event_type": "jit", "event_payload": {"entry": 7}},
    )
    message = said["message"]
    assert said["channel"] == REQUESTS
    assert (message["user"], message["bot_id"], message["text"]) == (BOT, "B0JITBOT0", "point")
    assert message["blocks"][0]["block_id"]
    assert message["metadata"]["event_payload"] == {"entry": 7}


def test_posting_to_a_person_writes_a_direct_message(client):
    said = client.chat_postMessage(channel=ALICE, text="hi")
    assert said["channel"] == client.conversations_open(users=[ALICE])["channel"]["id"]
    assert said["channel"].startswith("D")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0OUTSIDE", "text": "x"}, "not_in_channel"),
        ({"channel": "C0SECRET0", "text": "x"}, "channel_not_found"),
        ({"channel": "C0CLOSED0", "text": "x"}, "is_archived"),
        ({"channel": REQUESTS}, "no_text"),
        ({"channel": REQUESTS, "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": REQUESTS, "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": REQUESTS, "blocks": "{nonsense"}, "invalid_blocks_format"),
        ({"channel": REQUESTS, "text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ],
)
def test_a_post_slack_would_not_take_is_refused(slack, client, arguments, error):
    slack.world.add_channel(Channel("C0OUTSIDE", "outside", {ALICE}))
    slack.world.add_channel(Channel("C0SECRET0", "secret", {ALICE}, private=True))
    slack.world.add_channel(Channel("C0CLOSED0", "closed", {BOT}, archived=True))
    assert refused(client.chat_postMessage, **arguments)["error"] == error
    assert not slack.world.channel(REQUESTS).messages


def test_bad_blocks_are_refused_with_the_place(client):
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    said = refused(client.chat_postMessage, channel=REQUESTS, text="x", blocks=[SECTION, long])
    assert said["error"] == "invalid_blocks"
    assert said["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    ]


def test_the_longest_text_is_taken(client):
    assert client.chat_postMessage(channel=REQUESTS, text="x" * 40_000)["ok"]


def test_an_update_replaces_text_and_blocks(client):
    ts = client.chat_postMessage(channel=REQUESTS, text="old", blocks=[SECTION])["ts"]
    said = client.chat_update(channel=REQUESTS, ts=ts, text="new")
    assert (said["ts"], said["text"]) == (ts, "new")
    stored = client.conversations_history(channel=REQUESTS)["messages"][0]
    assert stored["text"] == "new"
    assert "blocks" not in stored
    assert stored["edited"]["user"] == BOT


def test_only_what_is_there_and_ones_own_can_be_changed(slack, client):
    theirs = slack.world.post(slack.world.channel(REQUESTS), {"user": ALICE, "text": "mine"})["ts"]
    assert refused(client.chat_update, channel=REQUESTS, ts="1.000001", text="x")["error"] == "message_not_found"
    assert refused(client.chat_update, channel=REQUESTS, ts=theirs, text="x")["error"] == "cant_update_message"
    assert refused(client.chat_delete, channel=REQUESTS, ts=theirs)["error"] == "cant_delete_message"
    ours = client.chat_postMessage(channel=REQUESTS, text="x")["ts"]
    assert client.chat_delete(channel=REQUESTS, ts=ours)["ts"] == ours
    assert refused(client.chat_delete, channel=REQUESTS, ts=ours)["error"] == "message_not_found"


def test_an_ephemeral_message_is_seen_by_one_person_and_not_read_back(slack, client):
    client.chat_postEphemeral(channel=REQUESTS, user=ALICE, text="psst")
    assert [(m["text"], only) for m, only in slack.world.visible(ALICE, REQUESTS)] == [("psst", True)]
    assert not list(slack.world.visible(BOB, REQUESTS))
    assert not client.conversations_history(channel=REQUESTS)["messages"]


def test_an_ephemeral_message_needs_somebody_in_the_channel(slack, client):
    slack.world.channel(REQUESTS).members.discard(EVE)
    call = client.chat_postEphemeral
    assert refused(call, channel=REQUESTS, user=EVE, text="x")["error"] == "user_not_in_channel"
    assert refused(call, channel=REQUESTS, user="U0NOBODY", text="x")["error"] == "user_not_found"


def test_a_permalink_names_channel_and_message(client):
    ts = client.chat_postMessage(channel=REQUESTS, text="x")["ts"]
    link = client.chat_getPermalink(channel=REQUESTS, message_ts=ts)["permalink"]
    assert link.endswith(f"/archives/{REQUESTS}/p{ts.replace('.', '')}")
    assert refused(client.chat_getPermalink, channel=REQUESTS, message_ts="1.0")["error"] == "message_not_found"


def test_history_is_newest_first_and_pages(client):
    for number in range(5):
        client.chat_postMessage(channel=REQUESTS, text=str(number))
    first = client.conversations_history(channel=REQUESTS, limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    second = client.conversations_history(channel=REQUESTS, limit=3, cursor=cursor)
    assert [m["text"] for m in first["messages"]] == ["4", "3"]
    assert first["has_more"] is True
    assert [m["text"] for m in second["messages"]] == ["2", "1", "0"]
    assert second["has_more"] is False


def test_history_between_two_moments_takes_the_ends_on_request(client):
    ts = [client.chat_postMessage(channel=REQUESTS, text=str(n))["ts"] for n in range(4)]
    span = {"channel": REQUESTS, "oldest": ts[0], "latest": ts[2]}
    between = client.conversations_history(**span)["messages"]
    with_ends = client.conversations_history(**span, inclusive=True)["messages"]
    assert [m["text"] for m in between] == ["1"]
    assert [m["text"] for m in with_ends] == ["2", "1", "0"]


def test_history_shows_metadata_on_request_only(client):
    metadata = {"event_type": "jit", "event_payload": {"entry": 7}}
    client.chat_postMessage(channel=REQUESTS, text="x", metadata=metadata)
    assert "metadata" not in client.conversations_history(channel=REQUESTS)["messages"][0]
    shown = client.conversations_history(channel=REQUESTS, include_all_metadata=True)["messages"][0]
    assert shown["metadata"] == metadata


def test_replies_stay_in_their_thread(client):
    ts = client.chat_postMessage(channel=REQUESTS, text="root")["ts"]
    client.chat_postMessage(channel=REQUESTS, text="reply", thread_ts=ts)
    assert [m["text"] for m in client.conversations_history(channel=REQUESTS)["messages"]] == ["root"]


def test_users_info_tells_standing(slack, client):
    slack.world.add_user(User("U0STRANGE", "zoe", "Zoe", "T0OTHER01", "other"))
    slack.world.change_user(EVE, deleted=True)
    users = {user: client.users_info(user=user)["user"] for user in (ALICE, EVE, MALLORY, BOT, "U0STRANGE")}
    assert (users[ALICE]["deleted"], users[ALICE]["is_bot"], users[ALICE]["is_restricted"]) == (False,) * 3
    assert users[ALICE]["tz"] == "Europe/Berlin"
    assert users[EVE]["deleted"] is True
    assert "tz" not in users[EVE]
    assert users[MALLORY]["is_restricted"] is True
    assert users[BOT]["is_bot"] is True
    assert (users["U0STRANGE"]["team_id"], users["U0STRANGE"]["is_stranger"]) == ("T0OTHER01", True)
    assert refused(client.users_info, user="U0NOBODY")["error"] == "user_not_found"


def test_users_list_pages_through_everybody(client):
    assert [len(page["members"]) for page in client.users_list(limit=4)] == [4, 2]


def test_usergroups_list_brings_members_on_request(slack, client):
    slack.world.disable_group("S0SECUR01")
    groups = {g["handle"]: g for g in client.usergroups_list(include_users=True)["usergroups"]}
    assert groups["dba"]["users"] == [BOB, CAROL]
    assert "security" not in groups
    assert "users" not in client.usergroups_list()["usergroups"][0]


def test_conversations_can_be_looked_at_and_joined(slack, client):
    slack.world.add_channel(Channel("C0OUTSIDE", "outside", {ALICE}))
    assert client.conversations_info(channel="C0OUTSIDE")["channel"]["is_member"] is False
    assert client.conversations_join(channel="C0OUTSIDE")["channel"]["is_member"] is True
    assert client.conversations_members(channel="C0OUTSIDE")["members"] == [ALICE, BOT]
    assert AUDIT in [c["id"] for c in client.conversations_list()["channels"]]
    assert refused(client.conversations_info, channel="C0NOWHERE")["error"] == "channel_not_found"


def test_a_trigger_opens_one_form_and_only_for_three_seconds(slack, client, clock):
    trigger = slack.tickets.trigger(ALICE)
    view = client.views_open(trigger_id=trigger, view=MODAL)["view"]
    assert slack.views.top(ALICE) == view
    late = slack.tickets.trigger(ALICE)
    clock.now += 3.1
    for spent, error in (
        (trigger, "exchanged_trigger_id"),
        (late, "expired_trigger_id"),
        ("1.2.3", "invalid_trigger_id"),
    ):
        assert refused(client.views_open, trigger_id=spent, view=MODAL)["error"] == error


def test_three_seconds_are_still_in_time(slack, client, clock):
    trigger = slack.tickets.trigger(ALICE)
    clock.now += 3.0
    assert client.views_open(trigger_id=trigger, view=MODAL)["ok"]


def test_a_bad_view_is_refused_and_its_trigger_is_not_spent(slack, client):
    trigger = slack.tickets.trigger(ALICE)
    said = refused(client.views_open, trigger_id=trigger, view=MODAL | {"blocks": [SECTION] * 101})
    assert said["error"] == "invalid_arguments"
    assert "[json-pointer:/view/blocks]" in said["response_metadata"]["messages"][0]
    assert client.views_open(trigger_id=trigger, view=MODAL)["ok"]


def test_an_update_against_an_old_hash_is_refused(slack, client):
    view = client.views_open(trigger_id=slack.tickets.trigger(ALICE), view=MODAL)["view"]
    newer = client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)["view"]
    assert newer["id"] == view["id"]
    said = refused(client.views_update, view_id=view["id"], hash=view["hash"], view=MODAL)
    assert said["error"] == "hash_conflict"
    assert refused(client.views_update, view_id="V0NOWHERE", view=MODAL)["error"] == "not_found"


def test_a_view_is_found_by_its_external_id(slack, client):
    named = MODAL | {"external_id": "mine"}
    client.views_open(trigger_id=slack.tickets.trigger(ALICE), view=named)
    assert client.views_update(external_id="mine", view=named)["ok"]
    said = refused(client.views_open, trigger_id=slack.tickets.trigger(BOB), view=named)
    assert said["error"] == "duplicate_external_id"


def test_three_forms_stand_above_each_other_and_no_fourth(slack, client):
    client.views_open(trigger_id=slack.tickets.trigger(ALICE), view=MODAL)
    for _ in range(2):
        client.views_push(trigger_id=slack.tickets.trigger(ALICE), view=MODAL)
    said = refused(client.views_push, trigger_id=slack.tickets.trigger(ALICE), view=MODAL)
    assert said["error"] == "push_limit_reached"


def test_a_home_is_published_against_its_hash(slack, client):
    home = {"type": "home", "blocks": [SECTION]}
    first = client.views_publish(user_id=ALICE, view=home)["view"]
    client.views_publish(user_id=ALICE, view=home, hash=first["hash"])
    assert refused(client.views_publish, user_id=ALICE, view=home, hash=first["hash"])["error"] == "hash_conflict"
    assert slack.views.home(ALICE)["type"] == "home"
    assert refused(client.views_publish, user_id=ALICE, view=MODAL)["error"] == "invalid_arguments"


def test_a_form_and_json_are_read_alike(client):
    encoded = client.api_call("chat.postMessage", data={"channel": REQUESTS, "blocks": json.dumps([SECTION])})
    plain = client.api_call("chat.postMessage", json={"channel": REQUESTS, "blocks": [SECTION]})
    assert encoded["message"]["blocks"][0]["text"] == plain["message"]["blocks"][0]["text"]
