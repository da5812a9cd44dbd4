import { diagnose } from '../db/diagnosis.ts';
import { readLabel } from '../db/meta.ts';
import { isRightMissing } from '../db/refusal.ts';
import { readOnly } from '../db/session.ts';
import { exitCodes } from '../errors.ts';
import { text, type Tone } from '../report.ts';
import { defineCommand } from '../command.ts';
import { diagnoseDeclarations } from '../doctor-declarations.ts';
import { none } from '../flags.ts';

const tones: Record<string, Tone> = { ok: 'good', warn: 'warn', fail: 'bad' };

export const command = defineCommand({
  description:
    'Checks what the other commands rely on: connection, version, privileges, pooler, extensions, clock and locks; and that everything that the configuration declares fits the database. Changes nothing. Exits with 4 when a check fails.',
  examples: [
    'dbops doctor',
    'dbops doctor --json',
    'dbops doctor --database-url postgres://app@localhost:5432/shop',
  ],
  flags: none,
  async run(context) {
    const session = await context.session();
    // A missing privilege is one of the diagnoses.
    const label = await readLabel(session).catch((error: unknown) => {
      if (isRightMissing(error)) return { name: null, isProtected: false };
      throw error;
    });
    const declared = await context.declared();
    const diagnoses = await readOnly(session, async () => [
      ...(await diagnose(session, context.clock)),
      ...(await diagnoseDeclarations(context, session, declared)),
    ]);
    const helps = diagnoses.flatMap(({ name, detail, help }) => {
      const [, ...reason] = detail.split('\n').map((line) => `\n    ${line}`);
      return help ? [text(`→ ${name}: ${help}${reason.join('')}`)] : [];
    });
    return {
      exitCode: diagnoses.some(({ state }) => state === 'fail')
        ? exitCodes.findings
        : exitCodes.done,
      data: {
        environment: label.name,
        protected: label.isProtected,
        diagnoses: diagnoses.map((diagnosis) => ({ ...diagnosis })),
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'state', label: 'state', tone: (state) => tones[String(state)] },
            { key: 'name', label: 'check' },
            { key: 'detail', label: 'result' },
          ],
          rows: diagnoses.map(({ name, state, detail }) => ({
            name,
            state,
            detail: detail.split('\n')[0],
          })),
        },
        ...helps,
      ],
    };
  },
});
