import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Latencies of the application's statements, in milliseconds. */
export interface Latencies {
  count: number;
  median: number;
  p99: number;
  worst: number;
}

/** An application that updates a row and inserts another one so often a second, whatever it waits. */
export interface Load {
  /** Of what was sent since the last call. */
  taken(): Latencies;
  stop(): Promise<void>;
}

/** @param rows ids that may be updated: 1 to `rows` */
export function startLoad(url: string, rows: number, perSecond: number): Load {
  // Sessions stay to the end: those that leave are counted as the processor's time of the rival.
  const pool = new pg.Pool({
    connectionString: url,
    max: 60,
    idleTimeoutMillis: 0,
    application_name: 'the application',
  });
  pool.on('error', () => {});
  const stopped = new AbortController();
  const open = new Set<Promise<void>>();
  let samples: number[] = [];
  const send = async (due: number, n: number) => {
    const id = 1 + Math.floor(Math.random() * rows);
    if (n % 2 === 0)
      await pool.query(
        'UPDATE purchases SET amount_paid_cents = amount_paid_cents + 1 WHERE id = $1',
        [id],
      );
    else
      await pool.query(
        `INSERT INTO purchases (customer_id, content_id, status, amount_paid_cents, stripe_payment_intent_id)
         SELECT customer_id, content_id, status, amount_paid_cents, 'pi_' || gen_random_uuid() FROM purchases WHERE id = $1`,
        [id],
      );
    samples.push(performance.now() - due);
  };
  const sending = (async () => {
    const started = performance.now();
    for (let n = 0; !stopped.signal.aborted; n++) {
      const due = started + (n * 1_000) / perSecond;
      const early = due - performance.now();
      if (early > 0) await sleep(early, undefined, { signal: stopped.signal }).catch(() => {});
      if (stopped.signal.aborted) break;
      const one = send(due, n).finally(() => open.delete(one));
      open.add(one);
    }
  })();
  return {
    taken() {
      const latencies = latenciesOf(samples);
      samples = [];
      return latencies;
    },
    async stop() {
      stopped.abort();
      await sending;
      await Promise.all(open);
      await pool.end();
    },
  };
}

function latenciesOf(samples: readonly number[]): Latencies {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { count: sorted.length, median: at(0.5), p99: at(0.99), worst: at(1) };
}
