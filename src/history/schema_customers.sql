-- The tables of customers. Each section takes the group from the version before to its
-- own; a section that has been released is never changed, a new one is added.
--
-- A party is a person, a household or a business. Merging moves nothing: the merged
-- party points at the one it went into, and `root` of all of its kind is the survivor,
-- so that unmerging is exact. Times are Unix ms of the wall clock.
-- version 1
CREATE TABLE party (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL CHECK (kind IN ('person', 'household', 'business')),
	name TEXT,
	provisional INTEGER NOT NULL DEFAULT 0,
	root INTEGER NOT NULL,
	merged_into INTEGER,
	merged_ms INTEGER,
	merged_by TEXT,
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX party_root ON party (root);

-- What a party is known by; a value of a kind belongs to one party.
CREATE TABLE identity (
	kind TEXT NOT NULL,
	value TEXT NOT NULL,
	party INTEGER NOT NULL REFERENCES party (id) ON DELETE CASCADE,
	source TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_party ON identity (party);

-- One value a source; which one holds, the conflict rule says. `value` is JSON.
CREATE TABLE attribute (
	party INTEGER NOT NULL REFERENCES party (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	source TEXT NOT NULL,
	value TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	PRIMARY KEY (party, name, source)
) STRICT, WITHOUT ROWID;

-- `party` belongs to `other` (member_of, employee_of, owner_of, ...) and inherits its
-- value by `weight`; null: the weight of the settings.
CREATE TABLE link (
	party INTEGER NOT NULL REFERENCES party (id) ON DELETE CASCADE,
	other INTEGER NOT NULL REFERENCES party (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	weight REAL,
	source TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	PRIMARY KEY (party, other, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_other ON link (other);

-- VIP and block lists: an identity, a pattern of them ("*@example.com"), or a party.
CREATE TABLE listing (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	list TEXT NOT NULL CHECK (list IN ('vip', 'block')),
	kind TEXT NOT NULL,
	pattern TEXT NOT NULL,
	points REAL,
	reason TEXT,
	until_ms INTEGER,
	set_by TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	UNIQUE (list, kind, pattern)
) STRICT;

-- What a contact cost: feeds cost to serve, repeat contacts and the last agent.
CREATE TABLE served (
	contact INTEGER PRIMARY KEY,
	party INTEGER NOT NULL REFERENCES party (id) ON DELETE CASCADE,
	channel TEXT NOT NULL,
	agent TEXT,
	state TEXT NOT NULL,
	ended_ms INTEGER NOT NULL,
	handled_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX served_party ON served (party, ended_ms);
CREATE INDEX served_channel ON served (channel, ended_ms);

-- That an erasure was done, without the data.
CREATE TABLE erasure (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	party INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	done_by TEXT NOT NULL,
	counts TEXT NOT NULL
) STRICT;

-- version 2
CREATE INDEX erasure_party ON erasure (party);

-- version 3
-- What a contact cost, who had it, and complaints come from the contact records.
DELETE FROM attribute WHERE name = 'complaints' AND source = 'usher';
DROP TABLE served;
