import type { Months } from '../../seed/months.ts';
import { ref, type SeedSet, type SeedTable } from '../../seed/definition.ts';
import { creditTransactions, workshops } from './users/ledger.ts';
import { free, people, pro } from './users/people.ts';

/** The free and the pro test user, with what the desktop application reads at sign-in. */
export const users: SeedSet = {
  name: 'users',
  summary:
    'free@example.com and pro@example.com with subscriptions, credits, preferences and a credit ledger',
  needs: [],
  tables: (months) => [
    oauthClients,
    llmModels,
    people,
    subscriptions(months),
    credits(months),
    preferences,
    workshops(months),
    creditTransactions(months),
  ],
};

const oauthClients: SeedTable = {
  table: 'oauth_clients',
  key: ['client_id'],
  managed: ['name'],
  rows: [
    {
      name: 'textassistant-desktop',
      values: {
        client_id: 'textassistant-desktop',
        name: 'TextAssistant Desktop',
        redirect_uris: ['http://127.0.0.1:8765/callback', 'textassistant://oauth/callback'],
      },
    },
  ],
};

const llmModels: SeedTable = {
  table: 'llm_models',
  key: ['slug'],
  managed: ['name', 'provider'],
  rows: [
    model('gpt-5', 'GPT-5', 'openai'),
    model('gemini-2.0-pro', 'Gemini 2.0 Pro', 'google'),
    model('claude-3.5-sonnet', 'Claude 3.5 Sonnet', 'anthropic'),
  ],
};

function model(slug: string, name: string, provider: string) {
  return { name: slug, values: { slug, name, provider, is_active: true } };
}

function subscriptions({ current }: Months): SeedTable {
  const values = {
    status: 'active',
    billing_cycle: 'monthly',
    current_period_start: current.from,
    current_period_end: current.to,
    cancel_at_period_end: false,
  };
  return {
    table: 'subscriptions',
    key: ['user_id', 'status'],
    managed: ['tier', 'stripe_price_id'],
    rows: [
      {
        name: 'free@example.com',
        values: {
          ...values,
          user_id: free,
          tier: 'free',
          stripe_subscription_id: null,
          stripe_customer_id: null,
          stripe_price_id: null,
        },
      },
      {
        name: 'pro@example.com',
        values: {
          ...values,
          user_id: pro,
          tier: 'pro',
          stripe_subscription_id: 'sub_test_pro',
          stripe_customer_id: 'cus_test_pro',
          stripe_price_id: 'price_test_pro',
        },
      },
    ],
  };
}

function credits({ current }: Months): SeedTable {
  const values = {
    billing_period_start: current.from,
    billing_period_end: current.to,
    reset_day_of_month: 1,
    is_current: true,
  };
  return {
    table: 'credits',
    key: ['user_id', 'credit_type', 'is_current'],
    managed: ['total_credits', 'monthly_allocation', 'reset_day_of_month'],
    rows: [
      {
        name: 'free@example.com free',
        values: {
          ...values,
          user_id: free,
          credit_type: 'free',
          total_credits: 2000,
          used_credits: 500,
          monthly_allocation: 2000,
        },
      },
      {
        name: 'pro@example.com free',
        values: {
          ...values,
          user_id: pro,
          credit_type: 'free',
          total_credits: 2000,
          used_credits: 0,
          monthly_allocation: 2000,
        },
      },
      // Pro credits are bought, not refilled: nothing is allocated by month.
      {
        name: 'pro@example.com pro',
        values: {
          ...values,
          user_id: pro,
          credit_type: 'pro',
          total_credits: 10000,
          used_credits: 5000,
          monthly_allocation: 0,
        },
      },
    ],
  };
}

const preferences: SeedTable = {
  table: 'user_preferences',
  key: ['user_id'],
  identity: 'key',
  managed: [],
  rows: [
    {
      name: 'free@example.com',
      values: {
        user_id: free,
        default_model_id: ref('llm_models', 'gpt-5'),
        email_notifications: true,
        usage_alerts: true,
      },
    },
    {
      name: 'pro@example.com',
      values: {
        user_id: pro,
        default_model_id: ref('llm_models', 'claude-3.5-sonnet'),
        email_notifications: true,
        usage_alerts: true,
      },
    },
  ],
};
