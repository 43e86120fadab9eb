import type { Session } from './db.js';

/**
 * Two roles without a login of their own: `arbot_writer` adds rows and edits none, `arbot_reader` reads. Who runs a node or
 * a report gets a login that is a member of one of them. The tables' owner keeps all rights, and needs them to migrate.
 */
const WRITER = 'arbot_writer';
const READER = 'arbot_reader';

/** Tables whose rows stand for the present and are therefore updated; each guards itself. Everything else is insert-only. */
const UPDATED: readonly string[] = ['settings', 'leases', 'exchanges'];
/** Kept by the database itself, or by the migrations. */
const READ_ONLY: readonly string[] = ['ledger_balances', 'open_legs', 'schema_migrations'];

/** A role is the whole server's: another database may have made it, even at this moment. */
const MAKE_ROLE = (role: string): string => `
  do $$
  begin
    if not exists (select 1 from pg_roles where rolname = '${role}') then
      create role ${role} nologin;
    end if;
  exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then null;
  end $$;`;

/** What a role may do is set anew as a whole, so that what an earlier version granted too much is taken back. */
const GRANT = `
  do $$
  declare
    place text := quote_ident(current_schema());
    base text := quote_ident(current_database());
    name text;
    kind "char";
  begin
    execute format('revoke temporary on database %s from public', base);
    execute format('revoke create on schema %s from public', place);
    execute format('grant usage on schema %s to ${WRITER}, ${READER}', place);
    for name, kind in
      select relname, relkind from pg_class
      where relnamespace = current_schema()::regnamespace and relkind in ('r', 'v') order by relname
    loop
      execute format('revoke all on %s.%I from ${WRITER}, ${READER}', place, name);
      execute format('grant select on %s.%I to ${WRITER}, ${READER}', place, name);
      if kind = 'r' and name <> all (string_to_array('${READ_ONLY.join(',')}', ',')) then
        execute format('grant insert on %s.%I to ${WRITER}', place, name);
      end if;
      if name = any (string_to_array('${UPDATED.join(',')}', ',')) then
        execute format('grant update on %s.%I to ${WRITER}', place, name);
      end if;
    end loop;
  end $$;`;

const PRESENT = `select count(*)::text as n from pg_roles where rolname in ('${WRITER}', '${READER}')`;

/**
 * Makes the roles where they are missing and grants them what the tables of today need. `missing`: this user may not make
 * roles and nobody has made them; everything works without them, and the next migration tries again.
 */
export async function grantRoles(session: Session): Promise<'granted' | 'missing'> {
  await session.exec(MAKE_ROLE(WRITER) + MAKE_ROLE(READER));
  if ((await session.query(PRESENT))[0]?.['n'] !== '2') return 'missing';
  await session.exec(GRANT);
  return 'granted';
}
