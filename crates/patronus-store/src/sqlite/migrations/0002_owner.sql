-- Whose database this is: a digest that only the server secret gives. With another secret every token in here would be
-- dead, and nobody would be told.
CREATE TABLE owner (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    mark BLOB NOT NULL
) STRICT;
