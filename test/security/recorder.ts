import { EventEmitter } from 'node:events';
import pg from 'pg';
import * as z from 'zod';

/** What passed over the connections of this process. */
export interface Recorded {
  statements: Set<string>;
  /** Warnings of traps that SQL of dbops called; functions of the application may call what they like. */
  fired: string[];
}

const notice = z.object({ message: z.string().catch(''), where: z.string().catch('') });
const query = z.object({ text: z.string() });

/** Records every query that `work` sends, and every trap that is called. */
export async function recorded(work: () => Promise<void>): Promise<Recorded> {
  const statements = new Set<string>();
  const fired: string[] = [];
  let current = '';
  const send = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: Parameters<typeof send>) {
    const [first] = args as unknown[];
    current = typeof first === 'string' ? first : (query.safeParse(first).data?.text ?? '');
    statements.add(current);
    return Reflect.apply(send, this, args);
  } as typeof send;
  const { emit } = EventEmitter.prototype;
  EventEmitter.prototype.emit = function (this: EventEmitter, event, ...values: unknown[]) {
    if (event === 'notice' && this instanceof pg.Connection) {
      const { message = '', where = '' } = notice.safeParse(values[0]).data ?? {};
      const depth = where.split('\n').filter((line) => line.includes('function')).length;
      if (message.startsWith('TRAP') && depth <= 1) fired.push(`${message} in ${current}`);
    }
    return Reflect.apply(emit, this, [event, ...values]);
  };
  try {
    await work();
    return { statements, fired };
  } finally {
    pg.Client.prototype.query = send;
    EventEmitter.prototype.emit = emit;
  }
}
