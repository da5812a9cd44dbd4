import { byName } from '../catalogue-sql.ts';
import { NotChecked, type Check, type Problem } from '../definition.ts';

const rolesThatBypass = `SELECT r.rolname AS name, r.rolsuper AS "isSuperuser" FROM pg_roles r
  WHERE r.rolname = ANY ($1) AND (r.rolsuper OR r.rolbypassrls) ${byName('r.rolname')}`;

const missingRoles = `SELECT a.name FROM unnest($1::text[]) a (name)
  WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = a.name) ${byName('a.name')}`;

const anyPolicy = 'SELECT FROM pg_policy LIMIT 1';

const roleNamed = (name: string) => ({ kind: 'role', schema: '', parent: '', name });

function notKnown(name: string): Problem {
  return {
    object: roleNamed(name),
    isNotChecked: true,
    message: `The role ${name} was not checked: verify.applicationRoles names it, and it does not exist.`,
    help: 'Correct the name in the configuration, or create the role.',
  };
}

export const bypassingRole: Check = {
  name: 'bypassing-role',
  group: 'security',
  severity: 'warning',
  isStatic: false,
  summary: 'The application does not log in as a superuser or as a role with BYPASSRLS.',
  harm: 'No policy applies to such a role, and an SQL injection in the application can do whatever the server can.',
  cure: 'Create a role for the application with the privileges that it needs: CREATE ROLE app LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;',
  example: 'CREATE ROLE app LOGIN SUPERUSER; -- in verify.applicationRoles',
  limits:
    'The roles of the application are those of verify.applicationRoles. Where these are not given and the database has policies, the check is reported as not checked.',
  async find({ session, applicationRoles }) {
    if (!applicationRoles) {
      if ((await session.query(anyPolicy)).length === 0) return [];
      throw new NotChecked(
        'the roles of the application are not known',
        "List them in the configuration: verify: { applicationRoles: ['app'] }",
      );
    }
    const roles = await session.query<{ name: string; isSuperuser: boolean }>(rolesThatBypass, [
      applicationRoles,
    ]);
    const missing = await session.query<{ name: string }>(missingRoles, [applicationRoles]);
    const problems = roles.map(({ name, isSuperuser }) => ({
      object: roleNamed(name),
      message: `${name} is a role of the application and ${isSuperuser ? 'a superuser' : 'has BYPASSRLS'}: no policy restricts it.`,
      help: 'Let the application log in as a role without this attribute.',
    }));
    return [...problems, ...missing.map(({ name }) => notKnown(name))];
  },
};
