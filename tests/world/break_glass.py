"""Rules by which some may break the glass: who is on call, and Eve."""

ALICE_TOO = "U09ALICE2"
RULES = """
channels: {audit: C0AUDIT01, alerts: C0ALERT01}
security: [group:security]
groups:
  dba: [U02BOB000, U03CAROL0]
  security: [U03CAROL0, U05SAM000]
  engineering: [U01ALICE0, U04EVE000]
people:
  U01ALICE0: {fake: alice, icalendar: alice}
  U04EVE000: {fake: eve}
  U09ALICE2: {fake: alice2, icalendar: Alice}
targets:
  orders-db: {kind: fake}
schedules:
  sre: {kind: icalendar, url: "file:sre.ics"}
access:
  orders-db/admin:
    describe: Own the orders schema
    grants: [orders_admin]
    max_duration: 1h
    incident: 'INC-[0-9]+'
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
      - all_of: [{from: [group:dba]}]
    break_glass: {who: ["oncall:sre", U04EVE000], max_duration: 30m, review_within: 24h, review_by: [group:security]}
  orders-db/read:
    describe: Read every table of orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
      - {when: history.break_glass_open, all_of: [{from: [group:security]}]}
      - all_of: [{from: [group:dba]}]
    break_glass: {who: [U01ALICE0, U04EVE000], max_duration: 2h, review_within: 24h, review_by: [group:security]}
"""
ADMIN, READ = "orders-db/admin", "orders-db/read"
