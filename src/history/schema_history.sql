-- The tables of contact records. Each section takes the group from the version before to
-- its own; a section that has been released is never changed, a new one is added.
--
-- Contacts have the number of their id; where Redis began anew meanwhile, bits 60 to 62
-- count how often, so that numbers stay unique. Times are centre time in Unix ms. What has
-- `closed` is history: it is never changed again, whatever is found out later is added.
-- version 1

-- How far the event stream was read; one row. Written with what was read, or not at all.
CREATE TABLE progress (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	op INTEGER NOT NULL,
	owner TEXT NOT NULL,
	generation INTEGER NOT NULL,
	at_ms INTEGER NOT NULL
) STRICT;

-- Every state change, as it was told.
CREATE TABLE event (
	n INTEGER PRIMARY KEY AUTOINCREMENT,
	op INTEGER NOT NULL,
	sub INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	kind TEXT NOT NULL,
	contact INTEGER,
	offer INTEGER,
	agent TEXT,
	queue TEXT,
	channel TEXT,
	tier TEXT,
	state TEXT,
	reason TEXT,
	waited_ms INTEGER,
	handled_ms INTEGER,
	amount REAL,
	satisfaction REAL,
	version INTEGER NOT NULL,
	UNIQUE (generation, op, sub)
) STRICT;
CREATE INDEX event_at ON event (at_ms);

-- One contact: what it was and how it went. Nothing personal: that is in contact_person.
CREATE TABLE contact (
	id INTEGER PRIMARY KEY,
	closed INTEGER NOT NULL DEFAULT 0,
	partial INTEGER NOT NULL DEFAULT 0,
	state TEXT NOT NULL,
	channel TEXT,
	queue TEXT,
	tier TEXT,
	source TEXT,
	created_ms INTEGER NOT NULL,
	t0_ms INTEGER NOT NULL,
	answered_ms INTEGER,
	ended_ms INTEGER,
	wait_ms INTEGER,
	talk_ms INTEGER NOT NULL DEFAULT 0,
	hold_ms INTEGER NOT NULL DEFAULT 0,
	wrapup_ms INTEGER NOT NULL DEFAULT 0,
	agent TEXT,
	offers INTEGER NOT NULL DEFAULT 0,
	rona INTEGER NOT NULL DEFAULT 0,
	rejects INTEGER NOT NULL DEFAULT 0,
	transfers INTEGER NOT NULL DEFAULT 0,
	version INTEGER NOT NULL,
	points REAL,
	reason TEXT,
	disposition TEXT,
	amount REAL,
	currency TEXT,
	satisfaction REAL,
	decisions TEXT
) STRICT;
CREATE INDEX contact_created ON contact (created_ms);
CREATE INDEX contact_ended ON contact (ended_ms);
CREATE TRIGGER contact_is_closed BEFORE UPDATE ON contact WHEN OLD.closed = 1
BEGIN SELECT RAISE(ABORT, 'the record is closed'); END;

-- What an erasure takes away: who it was, and what was said.
CREATE TABLE contact_person (
	contact INTEGER PRIMARY KEY,
	party INTEGER,
	customer TEXT,
	external_id TEXT,
	title TEXT,
	dnis TEXT
) STRICT;
CREATE INDEX contact_person_party ON contact_person (party);

-- A stay in a queue, from its entry to an agent, the end, or another queue.
CREATE TABLE visit (
	contact INTEGER NOT NULL,
	n INTEGER NOT NULL,
	closed INTEGER NOT NULL DEFAULT 0,
	kind TEXT NOT NULL CHECK (kind IN ('new', 'transfer', 'overflow', 'moved', 'return')),
	queue TEXT NOT NULL,
	channel TEXT NOT NULL,
	tier TEXT NOT NULL,
	dnis TEXT,
	entered_ms INTEGER NOT NULL,
	since_ms INTEGER NOT NULL,
	sl_due_ms INTEGER NOT NULL,
	left_ms INTEGER,
	left_how TEXT,
	agent TEXT,
	PRIMARY KEY (contact, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_entered ON visit (entered_ms);
CREATE INDEX visit_left ON visit (left_ms);
CREATE INDEX visit_due ON visit (sl_due_ms);
CREATE INDEX visit_open ON visit (closed) WHERE closed = 0;
CREATE TRIGGER visit_is_closed BEFORE UPDATE ON visit WHEN OLD.closed = 1
BEGIN SELECT RAISE(ABORT, 'the record is closed'); END;

-- One offer to one agent and what became of it: the leg of a contact.
CREATE TABLE leg (
	contact INTEGER NOT NULL,
	n INTEGER NOT NULL,
	closed INTEGER NOT NULL DEFAULT 0,
	offer INTEGER,
	agent TEXT NOT NULL,
	team TEXT,
	queue TEXT NOT NULL,
	channel TEXT NOT NULL,
	tier TEXT NOT NULL,
	dnis TEXT,
	offered_ms INTEGER NOT NULL,
	outcome TEXT,
	outcome_ms INTEGER,
	reason TEXT,
	connected_ms INTEGER,
	parked_since_ms INTEGER,
	parked_ms INTEGER NOT NULL DEFAULT 0,
	hold_ms INTEGER NOT NULL DEFAULT 0,
	wrapup_since_ms INTEGER,
	ended_ms INTEGER,
	ended_how TEXT,
	talk_ms INTEGER NOT NULL DEFAULT 0,
	wrapup_ms INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (contact, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX leg_offered ON leg (offered_ms);
CREATE INDEX leg_outcome ON leg (outcome_ms);
CREATE INDEX leg_ended ON leg (ended_ms);
CREATE INDEX leg_agent ON leg (agent, connected_ms);
CREATE INDEX leg_open ON leg (closed) WHERE closed = 0;
CREATE TRIGGER leg_is_closed BEFORE UPDATE ON leg WHEN OLD.closed = 1
BEGIN SELECT RAISE(ABORT, 'the record is closed'); END;

-- What an agent was, from when to when.
CREATE TABLE agent_span (
	agent TEXT NOT NULL,
	from_ms INTEGER NOT NULL,
	op INTEGER NOT NULL,
	to_ms INTEGER,
	team TEXT,
	state TEXT NOT NULL,
	reason TEXT,
	PRIMARY KEY (agent, from_ms, op)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_span_to ON agent_span (to_ms);
CREATE INDEX agent_span_open ON agent_span (agent) WHERE to_ms IS NULL;

-- What was learnt after the end: satisfaction of a survey, an amount, first contact resolved.
CREATE TABLE outcome (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	contact INTEGER NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('satisfaction', 'amount', 'resolved')),
	value REAL NOT NULL,
	currency TEXT,
	source TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	key TEXT UNIQUE
) STRICT;
CREATE INDEX outcome_contact ON outcome (contact);

-- Notes on contacts and customers; never changed, at most taken away by an erasure.
CREATE TABLE note (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	contact INTEGER,
	party INTEGER,
	case_id INTEGER,
	who TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	text TEXT NOT NULL
) STRICT;
CREATE INDEX note_contact ON note (contact);
CREATE INDEX note_party ON note (party);
CREATE INDEX note_case ON note (case_id);

-- An issue that groups contacts.
CREATE TABLE issue (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	party INTEGER,
	state TEXT NOT NULL CHECK (state IN ('open', 'pending', 'resolved')),
	title TEXT NOT NULL,
	opened_ms INTEGER NOT NULL,
	opened_by TEXT NOT NULL,
	changed_ms INTEGER NOT NULL,
	resolved_ms INTEGER
) STRICT;
CREATE INDEX issue_party ON issue (party, state);

-- How its state went: only added to.
CREATE TABLE issue_change (
	issue INTEGER NOT NULL,
	n INTEGER NOT NULL,
	state TEXT NOT NULL,
	who TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	reason TEXT,
	PRIMARY KEY (issue, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE issue_contact (
	contact INTEGER PRIMARY KEY,
	issue INTEGER NOT NULL
) STRICT;
CREATE INDEX issue_contact_issue ON issue_contact (issue);

-- Wait estimates told at arrival, with the two baselines, and what came of them.
CREATE TABLE estimate (
	contact INTEGER PRIMARY KEY,
	queue TEXT NOT NULL,
	channel TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	position INTEGER NOT NULL,
	low_ms INTEGER,
	likely_ms INTEGER,
	high_ms INTEGER,
	mean_ms INTEGER,
	share_ms INTEGER,
	real_ms INTEGER
) STRICT;
CREATE INDEX estimate_at ON estimate (at_ms);

-- Who gets events by HTTP, and how far each has answered.
CREATE TABLE webhook (
	name TEXT PRIMARY KEY,
	url TEXT NOT NULL,
	secret TEXT NOT NULL,
	events TEXT NOT NULL,
	private INTEGER NOT NULL,
	n INTEGER NOT NULL
) STRICT;

-- version 2

-- Alarms in the feed; what an event says of one.
ALTER TABLE event ADD COLUMN alarm INTEGER;
ALTER TABLE event ADD COLUMN value REAL;
ALTER TABLE event ADD COLUMN bound REAL;

-- Until when it is to be completed; null: nothing is promised.
ALTER TABLE contact ADD COLUMN resolve_due_ms INTEGER;
CREATE INDEX contact_resolve ON contact (resolve_due_ms) WHERE resolve_due_ms IS NOT NULL;

-- What is kept for how long is asked for by channel.
CREATE INDEX contact_channel ON contact (channel, ended_ms);
CREATE INDEX issue_resolved ON issue (resolved_ms) WHERE state = 'resolved';

-- version 3
-- What was said: lines of chats. Goes with contact_person.
CREATE TABLE IF NOT EXISTS said (
	contact INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	who TEXT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT,
	text TEXT,
	PRIMARY KEY (contact, seq)
) STRICT, WITHOUT ROWID;

-- When the contact ended, and its channel: what he cost, how often he came, and what is
-- kept for how long are asked by them.
ALTER TABLE contact_person ADD COLUMN ended_ms INTEGER;
ALTER TABLE contact_person ADD COLUMN channel TEXT;
UPDATE contact_person SET
	ended_ms = (SELECT c.ended_ms FROM contact c WHERE c.id = contact),
	channel = (SELECT c.channel FROM contact c WHERE c.id = contact);
DROP INDEX contact_person_party;
CREATE INDEX contact_person_party ON contact_person (party, ended_ms);
CREATE INDEX contact_person_channel ON contact_person (channel, ended_ms);

-- version 4

-- What the switch's own clock says of a call. NULL: no switch carried it, or it was not
-- there to see.
ALTER TABLE contact ADD COLUMN ivr_ms INTEGER;
ALTER TABLE contact ADD COLUMN ring_ms INTEGER;
ALTER TABLE visit ADD COLUMN queue_ms INTEGER;
ALTER TABLE leg ADD COLUMN ring_ms INTEGER;
ALTER TABLE leg ADD COLUMN told_talk_ms INTEGER;

-- version 5

-- What was asked for under an id of the asker's own, and what came of it: asked for again,
-- since the answer was lost, it is answered so. For a day.
CREATE TABLE act (
	name TEXT PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	result TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX act_at ON act (at_ms);
