-- Undoes 0002_organizations.

DROP VIEW team_members;

DROP TABLE invites;
DROP TABLE organization_members;
DROP TABLE organizations;
