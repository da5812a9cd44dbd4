import { ref, type SeedReference } from '../../../declared/definition.ts';
import type { DeclaredRow, Seeds } from '../../../seed/definition.ts';
import { seedId } from '../ids.ts';
import { at, monthsAround } from '../months.ts';
import { free, pro } from '../users/people.ts';
import { acme } from './organization.ts';

const contentId = (name: string) => seedId('content', name);
const course = ref('content', contentId('course'));
const template = ref('content', contentId('template'));
const webinar = ref('content', contentId('webinar'));

export const content: Seeds[string] = {
  table: 'content',
  key: ['id'],
  once: '*',
  rows: [
    work('course', { title: 'Course: writing with assistants', price_cents: 4900 }),
    work('template', {
      title: 'Template: style guide',
      price_cents: 1900,
      content_type: 'document',
    }),
    work('webinar', { title: 'Webinar: first steps', price_cents: 0 }),
    work('draft', { title: 'Course: second season', price_cents: 4900, status: 'draft' }),
  ],
};

function work(name: string, values: DeclaredRow): DeclaredRow {
  const usual = { id: contentId(name), content_type: 'video', status: 'published' };
  return { ...usual, ...values, organization_id: acme, creator_id: pro };
}

/** Completed purchases of 68.00 usd and 17.00 eur, one failed and one refunded of 49.00 usd each. */
export const purchases: Seeds[string] = {
  table: 'purchases',
  key: ['stripe_payment_intent_id'],
  once: '*',
  rows: ({ now }) => {
    const { previous, elapsed } = monthsAround(now);
    const ofCourse = { content_id: course, amount_paid_cents: 4900, currency: 'usd' };
    const ofTemplate = { content_id: template, amount_paid_cents: 1900, currency: 'usd' };
    const inEuro = { ...ofTemplate, amount_paid_cents: 1700, currency: 'eur' };
    const row = (name: string, createdAt: Date, values: DeclaredRow): DeclaredRow => ({
      id: seedId('purchases', name),
      status: 'completed',
      organization_id: acme,
      ...values,
      stripe_payment_intent_id: `pi_test_seed_${name}`,
      created_at: createdAt,
    });
    return [
      row('1', at(previous, 0.2), { ...ofCourse, customer_id: free, status: 'failed' }),
      row('2', at(previous, 0.4), { ...ofCourse, customer_id: free }),
      row('3', at(previous, 0.6), { ...ofCourse, customer_id: pro, status: 'refunded' }),
      row('4', at(elapsed, 0.3), { ...ofTemplate, customer_id: free }),
      row('5', at(elapsed, 0.6), { ...inEuro, customer_id: pro }),
    ];
  },
};

/** Buyers have access; the webinar is complimentary or part of a subscription. */
export const contentAccess: Seeds[string] = {
  table: 'content_access',
  key: ['user_id', 'content_id'],
  once: '*',
  rows: [
    access('free course', free, course, 'purchased'),
    access('free template', free, template, 'purchased'),
    access('free webinar', free, webinar, 'complimentary'),
    access('pro template', pro, template, 'purchased'),
    access('pro webinar', pro, webinar, 'subscription'),
  ],
};

function access(name: string, user: SeedReference, to: SeedReference, type: string): DeclaredRow {
  return {
    id: seedId('content_access', name),
    user_id: user,
    content_id: to,
    organization_id: acme,
    access_type: type,
  };
}
