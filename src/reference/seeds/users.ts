import { ref } from '../../declared/definition.ts';
import type { Seeds } from '../../seed/definition.ts';
import { seedId } from './ids.ts';
import { monthsAround } from './months.ts';
import { creditTransactions, workshops } from './users/ledger.ts';
import { free, people, pro } from './users/people.ts';

const model = (slug: string, name: string, provider: string) => ({
  id: seedId('llm_models', slug),
  slug,
  name,
  provider,
  is_active: true,
});

const subscriptions: Seeds[string] = {
  table: 'subscriptions',
  key: ['id'],
  once: [
    'user_id',
    'status',
    'billing_cycle',
    'current_period_start',
    'current_period_end',
    'cancel_at_period_end',
    'stripe_subscription_id',
    'stripe_customer_id',
  ],
  rows: ({ now }) => {
    const { current } = monthsAround(now);
    const values = {
      status: 'active',
      billing_cycle: 'monthly',
      current_period_start: current.from,
      current_period_end: current.to,
      cancel_at_period_end: false,
    };
    return [
      {
        ...values,
        id: seedId('subscriptions', 'free@example.com'),
        user_id: free,
        tier: 'free',
        stripe_subscription_id: null,
        stripe_customer_id: null,
        stripe_price_id: null,
      },
      {
        ...values,
        id: seedId('subscriptions', 'pro@example.com'),
        user_id: pro,
        tier: 'pro',
        stripe_subscription_id: 'sub_test_pro',
        stripe_customer_id: 'cus_test_pro',
        stripe_price_id: 'price_test_pro',
      },
    ];
  },
};

const credits: Seeds[string] = {
  table: 'credits',
  key: ['user_id', 'credit_type'],
  once: ['used_credits', 'billing_period_start', 'billing_period_end', 'is_current'],
  rows: ({ now }) => {
    const { current } = monthsAround(now);
    const values = {
      billing_period_start: current.from,
      billing_period_end: current.to,
      reset_day_of_month: 1,
      is_current: true,
    };
    return [
      {
        ...values,
        id: seedId('credits', 'free@example.com free'),
        user_id: free,
        credit_type: 'free',
        total_credits: 2000,
        used_credits: 500,
        monthly_allocation: 2000,
      },
      {
        ...values,
        id: seedId('credits', 'pro@example.com free'),
        user_id: pro,
        credit_type: 'free',
        total_credits: 2000,
        used_credits: 0,
        monthly_allocation: 2000,
      },
      // Pro credits are bought, not refilled: nothing is allocated by month.
      {
        ...values,
        id: seedId('credits', 'pro@example.com pro'),
        user_id: pro,
        credit_type: 'pro',
        total_credits: 10000,
        used_credits: 5000,
        monthly_allocation: 0,
      },
    ];
  },
};

/** The free and the pro test user, with what the desktop application reads at sign-in. */
export const users: Seeds = {
  'oauth-clients': {
    table: 'oauth_clients',
    key: ['client_id'],
    once: ['redirect_uris'],
    rows: [
      {
        id: seedId('oauth_clients', 'textassistant-desktop'),
        client_id: 'textassistant-desktop',
        name: 'TextAssistant Desktop',
        redirect_uris: ['http://127.0.0.1:8765/callback', 'textassistant://oauth/callback'],
      },
    ],
  },
  models: {
    table: 'llm_models',
    key: ['slug'],
    once: ['is_active'],
    rows: [
      model('gpt-5', 'GPT-5', 'openai'),
      model('gemini-2.0-pro', 'Gemini 2.0 Pro', 'google'),
      model('claude-3.5-sonnet', 'Claude 3.5 Sonnet', 'anthropic'),
    ],
  },
  users: people,
  subscriptions,
  credits,
  preferences: {
    table: 'user_preferences',
    key: ['user_id'],
    once: '*',
    rows: [
      {
        user_id: free,
        default_model_id: ref('models', 'gpt-5'),
        email_notifications: true,
        usage_alerts: true,
      },
      {
        user_id: pro,
        default_model_id: ref('models', 'claude-3.5-sonnet'),
        email_notifications: true,
        usage_alerts: true,
      },
    ],
  },
  workshops,
  ledger: creditTransactions,
};
