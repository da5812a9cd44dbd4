/** A story in Drizzle's own spelling, and in all spellings that Drizzle gets away with. */
export const migrations: [name: string, sql: string][] = [
  [
    'furry_sentinel',
    `CREATE TYPE "public"."plan" AS ENUM('free', 'pro');--> statement-breakpoint
CREATE TABLE "organizations" (
	"id" serial PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"plan" "plan" DEFAULT 'free' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"organization_id" integer NOT NULL,
	"email" varchar(255) NOT NULL,
	CONSTRAINT "users_email_unique" UNIQUE("email")
);
`,
  ],
  [
    'soft_rhino',
    `ALTER TABLE "users" ADD CONSTRAINT "users_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "users_organization_idx" ON "users" USING btree ("organization_id");`,
  ],
  [
    'no_semicolons',
    `CREATE TABLE "tags" ("id" serial PRIMARY KEY)
--> statement-breakpoint
CREATE TABLE "labels" ("id" serial PRIMARY KEY) -- the last one?
--> statement-breakpoint
COMMENT ON TABLE "labels" IS 'don''t; really' -- no;
--> statement-breakpoint
`,
  ],
  [
    'behind_the_marker',
    `CREATE TABLE "a" ("id" int);--> statement-breakpoint CREATE TABLE "b" ("id" int);
CREATE TABLE "c" ("id" int) -- and --> statement-breakpoint CREATE TABLE "d" ("id" int)`,
  ],
  [
    'functions',
    `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  NEW.name := trim(NEW.name); -- it's quoted
  RETURN NEW;
END;
$body$;
--> statement-breakpoint
CREATE TRIGGER touch BEFORE UPDATE ON "organizations" FOR EACH ROW EXECUTE FUNCTION touch();`,
  ],
  [
    'windows',
    `ALTER TABLE "tags" ADD "name" text;--> statement-breakpoint\r\nALTER TABLE "tags" ADD "place" int DEFAULT 0 NOT NULL;\r\n`,
  ],
  ['one_more_plan', `ALTER TYPE "public"."plan" ADD VALUE 'team' BEFORE 'pro';`],
  ['empty', '-- Custom SQL migration file, put your code below! --'],
  [
    'rows',
    `INSERT INTO "organizations" ("name") VALUES ('Ünïcode & Söhne');--> statement-breakpoint
INSERT INTO "users" ("organization_id", "email") SELECT "id", 'a@example.org' FROM "organizations";`,
  ],
  ['empty_too', '-- Custom SQL migration file, put your code below! --'],
  [
    'views',
    `CREATE VIEW "public"."members" AS (select "organization_id", count(*) from "users" group by 1);--> statement-breakpoint
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE POLICY "own" ON "users" AS PERMISSIVE FOR SELECT TO public USING (true);`,
  ],
  [
    'drop_tags',
    `DROP TABLE "tags" CASCADE;--> statement-breakpoint\nALTER TABLE "labels" RENAME TO "stickers";`,
  ],
];

/** When the migration of this index was generated, in milliseconds since 1970. */
export function generatedAt(index: number): number {
  return Date.UTC(2025, 0, 1 + index, 10, 20, 30, 456);
}

type Named = readonly (readonly [name: string, sql: string])[];

/** `drizzle/` as drizzle-kit 0.31 writes it, with the times at which it was generated. */
export function journalFolder(
  entries: Named,
  times = entries.map((_, index) => generatedAt(index)),
): Record<string, string> {
  const tags = entries.map(([name], index) => `${String(index).padStart(4, '0')}_${name}`);
  const journal = {
    version: '7',
    dialect: 'postgresql',
    entries: tags.map((tag, idx) => ({
      idx,
      version: '7',
      when: times[idx],
      tag,
      breakpoints: true,
    })),
  };
  return {
    ...Object.fromEntries(entries.map(([, sql], index) => [`drizzle/${tags[index]}.sql`, sql])),
    'drizzle/meta/_journal.json': JSON.stringify(journal, null, 2),
  };
}

/** `drizzle/` as drizzle-kit 1.0 writes it, and as its `up` makes it of the journal's folder. */
export function datedFolder(
  entries: readonly (readonly [string, string])[],
): Record<string, string> {
  return Object.fromEntries(
    entries.flatMap(([name, sql], index) => {
      const folder = `drizzle/${folderName(index, name)}`;
      return [
        [`${folder}/migration.sql`, sql],
        [`${folder}/snapshot.json`, '{}'],
      ];
    }),
  );
}

export function folderName(index: number, name: string): string {
  const time = new Date(generatedAt(index)).toISOString().replaceAll(/\D/g, '').slice(0, 14);
  return `${time}_${name}`;
}
