-- Undoes 0006_users_billing_usage.

-- Row-level security --------------------------------------------------------------------

DROP POLICY prices_select_public ON prices;
DROP POLICY products_select_public ON products;
DROP POLICY org_subscriptions_select_member ON org_subscriptions;
DROP POLICY billing_customers_select_owner ON billing_customers;
DROP POLICY invites_all_owner ON invites;
DROP POLICY organization_members_delete_owner_or_self ON organization_members;
DROP POLICY organization_members_update_owner ON organization_members;
DROP POLICY organization_members_insert_owner ON organization_members;
DROP POLICY organization_members_select_member ON organization_members;
DROP POLICY organizations_delete_own ON organizations;
DROP POLICY organizations_update_own ON organizations;
DROP POLICY organizations_insert_own ON organizations;
DROP POLICY organizations_select_member ON organizations;
DROP POLICY users_update_own ON users;
DROP POLICY users_select_own ON users;

ALTER TABLE prices DISABLE ROW LEVEL SECURITY;
ALTER TABLE products DISABLE ROW LEVEL SECURITY;
ALTER TABLE org_subscriptions DISABLE ROW LEVEL SECURITY;
ALTER TABLE billing_customers DISABLE ROW LEVEL SECURITY;
ALTER TABLE invites DISABLE ROW LEVEL SECURITY;
ALTER TABLE organization_members DISABLE ROW LEVEL SECURITY;
ALTER TABLE organizations DISABLE ROW LEVEL SECURITY;
ALTER TABLE users DISABLE ROW LEVEL SECURITY;

-- Tables --------------------------------------------------------------------------------

DROP TABLE plan_features;
DROP TABLE usage_aggregations;
DROP TABLE usage_events;

-- Personal organizations ----------------------------------------------------------------
-- Their free subscriptions go. They themselves go where nothing but the owner's membership
-- hangs on them; one that is in use stays, as an ordinary organization.

DROP TRIGGER on_auth_user_created ON users;

DELETE FROM org_subscriptions AS s
USING organizations AS o
WHERE o.id = s.organization_id
  AND o.is_personal
  AND s.plan = 'free'
  AND s.stripe_subscription_id IS NULL;

DELETE FROM organizations AS o
WHERE o.is_personal
  AND NOT EXISTS (
    SELECT FROM organization_members AS m
    WHERE m.organization_id = o.id AND m.user_id <> o.owner_id
  )
  AND NOT EXISTS (SELECT FROM invites AS i WHERE i.organization_id = o.id)
  AND NOT EXISTS (SELECT FROM content AS c WHERE c.organization_id = o.id)
  AND NOT EXISTS (SELECT FROM billing_customers AS b WHERE b.organization_id = o.id)
  AND NOT EXISTS (SELECT FROM org_subscriptions AS s WHERE s.organization_id = o.id);

-- Functions -----------------------------------------------------------------------------

DROP FUNCTION has_organization_role(uuid, text[]);
DROP FUNCTION is_organization_member(uuid);
DROP FUNCTION current_app_user();
DROP FUNCTION complete_onboarding(text);
DROP FUNCTION aggregate_usage(text, timestamptz, timestamptz);
DROP FUNCTION check_feature_access(text, text, uuid);
DROP FUNCTION handle_new_user();
DROP FUNCTION ensure_personal_organization(text);
DROP FUNCTION check_username_available(text);

-- Organizations -------------------------------------------------------------------------

DROP TRIGGER update_organizations_updated_at ON organizations;

CREATE TRIGGER set_organizations_updated_at
  BEFORE UPDATE ON organizations
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

DROP INDEX idx_organizations_slug;
DROP INDEX organizations_personal_owner_key;

ALTER TABLE organizations
  DROP CONSTRAINT organizations_org_type_check,
  DROP COLUMN settings,
  DROP COLUMN avatar_url,
  DROP COLUMN description,
  DROP COLUMN slug,
  DROP COLUMN org_type,
  DROP COLUMN is_personal;

-- Users ---------------------------------------------------------------------------------

DROP TRIGGER update_users_updated_at ON users;
DROP TRIGGER protect_users_account_type ON users;

DROP FUNCTION prevent_protected_column_change();
DROP FUNCTION update_updated_at_column();

DROP INDEX idx_users_account_type;
DROP INDEX idx_users_username;

ALTER TABLE users
  DROP CONSTRAINT users_account_type_check,
  DROP CONSTRAINT users_work_experience_check,
  DROP CONSTRAINT users_education_check,
  DROP COLUMN updated_at,
  DROP COLUMN created_at,
  DROP COLUMN onboarding_completed,
  DROP COLUMN profile_completed,
  DROP COLUMN account_type,
  DROP COLUMN business_country,
  DROP COLUMN business_postal_code,
  DROP COLUMN business_state,
  DROP COLUMN business_city,
  DROP COLUMN business_street_address_2,
  DROP COLUMN business_street_address_1,
  DROP COLUMN business_apt_suite,
  DROP COLUMN business_company,
  DROP COLUMN business_position,
  DROP COLUMN work_experience,
  DROP COLUMN education,
  DROP COLUMN bio,
  DROP COLUMN personal_country,
  DROP COLUMN personal_postal_code,
  DROP COLUMN personal_state,
  DROP COLUMN personal_city,
  DROP COLUMN personal_street_address_2,
  DROP COLUMN personal_street_address_1,
  DROP COLUMN personal_apt_suite,
  DROP COLUMN phone_number,
  DROP COLUMN phone_country_code,
  DROP COLUMN last_name,
  DROP COLUMN middle_name,
  DROP COLUMN first_name,
  DROP COLUMN personal_title,
  DROP COLUMN display_name,
  DROP COLUMN username;
