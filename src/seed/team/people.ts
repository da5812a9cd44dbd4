import { ref, type SeedTable } from '../set.ts';

export const acme = ref('organizations', 'acme-studio');
export const owner = ref('users', 'owner@example.com');
export const member = ref('users', 'member@example.com');
export const pro = ref('users', 'pro@example.com');
export const free = ref('users', 'free@example.com');
/** The personal organization that sign-up made for the free user. */
export const freeWorkspace = ref('organizations', 'personal of free@example.com');

/** What the owner's completed credit transactions add up to. */
export const ownerBalance = 33;

/** The two users that only the team has; the free and the pro user come from the set `users`. */
export const people: SeedTable = {
  table: 'users',
  key: ['email'],
  managed: [],
  lasting: ['credit_balance'],
  rows: [
    {
      name: 'owner@example.com',
      values: {
        id: 'user_test_owner',
        email: 'owner@example.com',
        name: 'Olivia Owner',
        full_name: 'Olivia Owner',
        credit_balance: ownerBalance,
      },
    },
    {
      name: 'member@example.com',
      values: {
        id: 'user_test_member',
        email: 'member@example.com',
        name: 'Max Member',
        full_name: 'Max Member',
        credit_balance: 0,
      },
    },
  ],
};

/** Four of the five seats of the plan. */
export const members: SeedTable = {
  table: 'organization_members',
  key: ['organization_id', 'user_id'],
  identity: 'key',
  managed: [],
  rows: [
    { name: 'owner', values: { organization_id: acme, user_id: owner, role: 'owner' } },
    { name: 'member', values: { organization_id: acme, user_id: member, role: 'member' } },
    { name: 'pro', values: { organization_id: acme, user_id: pro, role: 'member' } },
    { name: 'free', values: { organization_id: acme, user_id: free, role: 'viewer' } },
  ],
};
