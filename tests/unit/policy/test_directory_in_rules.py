"""`directory:` in the rules, and every mistake in it, by file and line."""

import textwrap

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.policy import PolicyError, load_policy

RULES = """\
channels: {audit: C0AUDIT01}
security: [U03CAROL0]
directory:
  kind: ldap
  url: ldaps://ldap.corp
  bind_dn: cn=jit,dc=corp
  password: env:LDAP_PASSWORD
  base: dc=corp
  disabled: (pwdAccountLockedTime=*)
  groups:
    dba: cn=dba,ou=groups,dc=corp
groups:
  dba: [directory:dba]
people:
  U01ALICE0: {fake: alice, ldap: alice}
  U02BOB000: {ldap: bob}
targets: {db: {kind: fake}}
access:
  db/read:
    describe: Read
    grants: [read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of: [{from: [group:dba]}]
"""

MISTAKES = [
    ("  kind: ldap\n", "", 3, "directory.kind: is missing"),
    ("kind: ldap\n", "kind: scim\n", 4, "directory.kind: must be ldap"),
    ("ldaps://ldap.corp", "https://ldap.corp", 5, "write ldaps://host"),
    ("ldaps://ldap.corp", "ldaps://jit:secret@ldap.corp", 5, "a secret is named, never written down"),
    ("ldaps://ldap.corp", "ldaps://ldap.corp/dc=corp", 5, "names a host and nothing below it"),
    ("cn=jit,dc=corp", "jit", 6, "directory.bind_dn: is no name of an entry"),
    ("env:LDAP_PASSWORD", "hunter2", 7, "a secret is named, never written down"),
    ("env:LDAP_PASSWORD", "env:SLACK_BOT_TOKEN", 7, "names a secret of jit's own"),
    ("  base: dc=corp\n", "", 3, "directory.base: is missing"),
    ("  base: dc=corp\n", "  bace: dc=corp\n", 8, 'directory.bace: unknown key; did you mean "base"?'),
    ("(pwdAccountLockedTime=*)", "pwdAccountLockedTime", 9, "directory.disabled: is no filter of LDAP"),
    ("cn=dba,ou=groups,dc=corp", "ou=groups;dba", 11, "directory.groups.dba: is no name of an entry"),
    ("[directory:dba]", "[directory:dbas]", 13, 'no group of the directory is called dbas; did you mean "dba"?'),
    ("[directory:dba]", '["ldap:cn=dba,dc=corp"]', 13, "write directory:name here"),
    ("ldap: bob", "ldap: ' ALICE'", 16, "in the directory is U01ALICE0 already"),
    ("  kind: ldap\n", "  kind: ldap\n  nested: 11\n", 5, "directory.nested: must be between 0 and 10"),
    ("  kind: ldap\n", "  kind: ldap\n  person: 'uid)('\n", 5, "directory.person: is no attribute"),
    ("  kind: ldap\n", "  kind: ldap\n  member: owner\n", 5, "must be one of member, uniqueMember, memberUid"),
    ("  kind: ldap\n", "  kind: ldap\n  plain: true\n", 3, "plain is for an address that begins with ldap://"),
    ("directory:\n", "director:\n", 3, 'unknown key; did you mean "directory"?'),
]


def mistakes(folder, text):
    (folder / "a.policy.yml").write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_policy(folder)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_it_is_read_as_written(tmp_path):
    (tmp_path / "a.policy.yml").write_text(RULES)
    policy = load_policy(tmp_path)
    assert policy.directory.groups == {"dba": "cn=dba,ou=groups,dc=corp"}
    assert policy.directory_groups(["group:dba"]) == {"dba"}
    assert policy.provider_variables == {"LDAP_PASSWORD"}
    assert policy.only_told(["group:dba"])


def test_every_mistake_is_named_with_its_line(tmp_path):
    for old, new, line, says in MISTAKES:
        assert old in RULES, old
        found = mistakes(tmp_path, RULES.replace(old, new, 1))
        assert any(said.startswith(f"a.policy.yml:{line} ") and says in said for said in found), (new, found)
        assert not any("hunter2" in said or "secret@" in said for said in found)


def test_a_group_of_the_directory_without_a_directory_is_a_mistake(tmp_path):
    start, end = RULES.index("directory:\n"), RULES.index("groups:\n  dba: [dir")
    found = mistakes(tmp_path, RULES[:start] + RULES[end:])
    assert any("no group of the directory is called dba" in said for said in found)
    assert any("no provider is called ldap" in said for said in found)


def test_tls_is_left_out_on_this_machine_alone_unless_said(tmp_path):
    for url, more, encrypts in (
        ("ldap://ldap.corp", "", True),
        ("ldap://ldap.corp", "\n  plain: true", False),
        ("ldap://127.0.0.1:3890", "", False),
        ("ldap://[::1]", "", False),
        ("ldap://localhost", "", False),
        ("ldap://127.0.0.1.corp", "", True),
        ("ldaps://ldap.corp", "", False),  # it speaks TLS from the start
    ):
        (tmp_path / "a.policy.yml").write_text(RULES.replace("ldaps://ldap.corp", url + more))
        assert load_policy(tmp_path).directory.encrypts is encrypts, url


def test_cases_say_who_is_in_the_directory(tmp_path):
    (tmp_path / "a.policy.yml").write_text(RULES)
    (tmp_path / "a.test.yml").write_text(
        textwrap.dedent("""\
        directory: {dba: [U02BOB000]}
        cases:
          - {name: bob, who: U01ALICE0, access: db/read, approve: [U02BOB000], expect: approved}
          - {name: carol, who: U01ALICE0, access: db/read, approve: [U03CAROL0], expect: pending}
        """)
    )
    told = CliRunner().invoke(cli, ["policy", "test", str(tmp_path)])
    assert (told.exit_code, told.output) == (0, "2 of 2 cases are decided as they say.\n")


def test_a_change_of_the_entry_behind_a_name_is_told(tmp_path):
    for name, text in (("old", RULES), ("new", RULES.replace("cn=dba,", "cn=everybody,"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.policy.yml").write_text(text)
    told = CliRunner().invoke(cli, ["policy", "diff", str(tmp_path / "old"), str(tmp_path / "new")])
    assert "more may approve: a group of the directory" in told.output
