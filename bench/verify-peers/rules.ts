/** What the rules of each checker look for, as kinds of faults; a rule that is absent looks for nothing of them. */

export type Rules = Readonly<Record<string, readonly string[]>>;

/** The lints of splinter, by `name`. */
export const splinterRules: Rules = {
  unindexed_foreign_keys: ['fk-without-index'],
  auth_users_exposed: ['auth-users-exposed'],
  auth_rls_initplan: ['unwrapped-auth-call'],
  no_primary_key: ['no-primary-key'],
  unused_index: ['unused-index'],
  multiple_permissive_policies: ['multiple-permissive-policies'],
  policy_exists_rls_disabled: ['policy-without-rls'],
  rls_enabled_no_policy: ['rls-without-policy'],
  duplicate_index: ['duplicate-index'],
  security_definer_view: ['view-bypasses-rls'],
  function_search_path_mutable: ['function-search-path'],
  rls_disabled_in_public: ['rls-off'],
  extension_in_public: ['extension-in-public'],
  rls_references_user_metadata: ['user-metadata-policy'],
  materialized_view_in_api: ['view-bypasses-rls'],
  foreign_table_in_api: ['foreign-table-in-api'],
  unsupported_reg_types: ['reg-type-column'],
  fkey_to_auth_unique: ['fk-to-auth-unique'],
  extension_versions_outdated: ['extension-outdated'],
  rls_policy_always_true: ['always-true-write-policy'],
  anon_security_definer_function_executable: ['public-definer-function'],
  authenticated_security_definer_function_executable: ['public-definer-function'],
};

/** The queries of pg-index-health-sql, by the name of the file. */
export const indexHealthRules: Rules = {
  bloated_indexes: ['index-bloat'],
  btree_indexes_on_array_columns: ['btree-on-array'],
  columns_not_following_naming_convention: ['quoted-name'],
  columns_with_char_type: ['discouraged-type'],
  columns_with_json_type: ['discouraged-type'],
  columns_with_money_type: ['discouraged-type'],
  columns_with_timestamp_or_timetz_type: ['timestamp-without-zone'],
  duplicated_foreign_keys: ['duplicate-foreign-key'],
  duplicated_indexes: ['duplicate-index'],
  foreign_keys_with_null_values: ['nullable-multi-fk'],
  foreign_keys_with_unmatched_column_type: ['fk-type-mismatch'],
  foreign_keys_without_index: ['fk-without-index'],
  intersected_indexes: ['redundant-index'],
  invalid_indexes: ['invalid-index', 'leftover-index'],
  not_valid_constraints: ['constraint-not-validated'],
  objects_not_following_naming_convention: ['quoted-name'],
  possible_object_name_overflow: ['identifier-63'],
  sequence_overflow: ['key-overflow'],
  tables_with_inheritance: ['inherited-table'],
  tables_without_primary_key: ['no-primary-key'],
  unused_indexes: ['unused-index'],
};

/** The rules of schemalint, by name; those that enforce a taste of their own are left out. */
export const schemalintRules: Rules = {
  'index-referencing-column': ['fk-without-index'],
  'name-casing': ['quoted-name'],
  'prefer-jsonb-to-json': ['discouraged-type'],
  'prefer-timestamptz-to-timestamp': ['timestamp-without-zone'],
  'require-primary-key': ['no-primary-key'],
  'row-level-security': ['rls-off'],
};
