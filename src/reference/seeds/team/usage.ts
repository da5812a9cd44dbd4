import type { Seeds } from '../../../seed/definition.ts';
import { eventsOf, type EventStream } from '../events.ts';
import { monthsAround, type Span } from '../months.ts';
import { free, pro } from '../users/people.ts';
import { acme, freeWorkspace } from './organization.ts';

/**
 * Usage of the previous and of the current month. In the current month Acme Studio is over its AI
 * tokens and close to its API calls, and the free user's own workspace is over its API calls.
 * `storage_used` is the total stored, in GB.
 */
export const usageEvents: Seeds[string] = {
  summary: 'usage of two months',
  table: 'usage_events',
  key: ['id'],
  once: '*',
  // The table has no other key. The sequence of its ids gives none below zero.
  overriding: true,
  rows: ({ now }) => {
    const { previous, elapsed } = monthsAround(now);
    const streams = [...acmeBefore(previous), ...acmeNow(elapsed), ...freeNow(previous, elapsed)];
    return streams.flatMap(eventsOf).map((event, index) => ({ id: -1 - index, ...event }));
  },
};

const automations = ['welcome-mail', 'weekly-digest', 'invoice-reminder'];

/** The automations take turns. */
const automation = (index: number) => ({
  automation_id: automations[index % automations.length] ?? '',
});

/** The owner alone: the member came a month later. */
function acmeBefore(span: Span): EventStream[] {
  const stream = { organization: acme, span, users: [pro] };
  return [
    { ...stream, name: 'acme before api', type: 'api_call', count: 30, quantity: 2_500 },
    { ...stream, name: 'acme before tokens', type: 'ai_tokens_used', count: 30, quantity: 20_000 },
    { ...stream, name: 'acme before record', type: 'record_created', count: 5 },
    {
      ...stream,
      name: 'acme before automation',
      type: 'automation_run',
      count: 20,
      metadata: automation,
    },
    { ...stream, name: 'acme before schedule', type: 'schedule_executed', count: 8 },
    {
      ...stream,
      name: 'acme before storage',
      type: 'storage_used',
      count: 4,
      quantity: (index) => 20 + index,
    },
    { ...stream, name: 'acme before active', type: 'user_active', count: 15 },
  ];
}

/** Both take turns; the records are the member's. */
function acmeNow(span: Span): EventStream[] {
  const stream = { organization: acme, span, users: [pro, free] };
  return [
    { ...stream, name: 'acme now api', type: 'api_call', count: 28, quantity: 3_000 },
    { ...stream, name: 'acme now tokens', type: 'ai_tokens_used', count: 28, quantity: 40_000 },
    { ...stream, name: 'acme now record', type: 'record_created', count: 7, users: [free] },
    {
      ...stream,
      name: 'acme now automation',
      type: 'automation_run',
      count: 18,
      metadata: automation,
    },
    { ...stream, name: 'acme now schedule', type: 'schedule_executed', count: 8 },
    {
      ...stream,
      name: 'acme now storage',
      type: 'storage_used',
      count: 4,
      quantity: (index) => 25 + 2 * index,
    },
    { ...stream, name: 'acme now active', type: 'user_active', count: 20 },
    { ...stream, name: 'acme now guest', type: 'user_active', count: 2, users: [null] },
  ];
}

function freeNow(previous: Span, elapsed: Span): EventStream[] {
  const stream = { organization: freeWorkspace, users: [free], quantity: 50 };
  return [
    { ...stream, name: 'free before api', type: 'api_call', span: previous, count: 12 },
    { ...stream, name: 'free now api', type: 'api_call', span: elapsed, count: 23 },
    {
      ...stream,
      name: 'free now active',
      type: 'user_active',
      span: elapsed,
      count: 4,
      quantity: 1,
    },
  ];
}
