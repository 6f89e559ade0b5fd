// How the fake plugin's processes find each other: each puts a value, and waits for those of all others.

enum { DEVICES = 2, MOST_NODES = 16 };  // devices of each process, processes

// Makes an error for a callback, which copies the message.
static PJRT_Error *callback_error(PJRT_Error_Code code, const char *message, size_t size) {
  char text[160];
  snprintf(text, sizeof text, "%.*s", (int)size, message);
  return error_of((int)code, text);
}

// A value has a zero byte in the middle, which it keeps only if its size is respected.
static size_t describe_node(char *text, int node) { return (size_t)snprintf(text, 64, "devices=%d%cnode=%d", DEVICES, 0, node); }

static PJRT_Error *put_own(const PJRT_Client_Create_Args *client, const Orders *orders, PJRT_CallbackError *on_error) {
  char key[64], value[64];
  PJRT_KeyValuePutCallback_Args args = {.struct_size = PJRT_KeyValuePutCallback_Args_STRUCT_SIZE};
  args.key = key;
  args.key_size = (size_t)snprintf(key, sizeof key, "fake/devices/%d", orders->node_id);
  args.value = value;
  args.value_size = describe_node(value, orders->node_id);
  args.callback_error = on_error;
  args.user_arg = client->kv_put_user_arg;
  return client->kv_put_callback(&args);
}

static PJRT_Error *get_other(const PJRT_Client_Create_Args *client, const Orders *orders, PJRT_CallbackError *on_error, int node) {
  char key[64], expected[64];
  size_t size = describe_node(expected, node);
  PJRT_KeyValueGetCallback_Args args = {.struct_size = PJRT_KeyValueGetCallback_Args_STRUCT_SIZE};
  args.key = key;
  args.key_size = (size_t)snprintf(key, sizeof key, "fake/devices/%d", node);
  args.timeout_in_ms = orders->kv_timeout_ms;
  args.callback_error = on_error;
  args.user_arg = client->kv_get_user_arg;
  PJRT_Error *error = client->kv_get_callback(&args);
  if (error != NULL) return error;
  int same = args.value_size == size && memcmp(args.value, expected, size) == 0;
  args.value_deleter_callback(args.value);
  return same ? NULL : error_of(13, "another process has put nonsense");
}

// A key without a value is NOT_FOUND, at once; one with a value is found.
static PJRT_Error *try_key(const PJRT_Client_Create_Args *client, PJRT_CallbackError *on_error, const char *key, int expected) {
  PJRT_KeyValueTryGetCallback_Args args = {.struct_size = PJRT_KeyValueTryGetCallback_Args_STRUCT_SIZE};
  args.key = key;
  args.key_size = strlen(key);
  args.callback_error = on_error;
  args.user_arg = client->kv_try_get_user_arg;
  PJRT_Error *error = client->kv_try_get_callback(&args);
  int code = error == NULL ? 0 : error->code;
  if (error != NULL && code != 5) return error;
  if (error != NULL) destroy(error, ERROR);
  if (code == 0) args.value_deleter_callback(args.value);
  return code == expected ? NULL : error_of(13, "the store knows a key too early or too late");
}

static PJRT_Error *rendezvous(const PJRT_Client_Create_Args *client, const Orders *orders) {
  if (orders->num_nodes < 2) return NULL;
  if (orders->num_nodes > MOST_NODES || orders->node_id < 0 || orders->node_id >= orders->num_nodes)
    return error_of(3, "no such node");
  if (client->kv_get_callback == NULL || client->kv_try_get_callback == NULL || client->kv_put_callback == NULL)
    return error_of(9, "several nodes need a key-value store");
  PJRT_CallbackError callback = callback_error, *on_error = orders->kv_mute ? NULL : &callback;
  char own[64];
  snprintf(own, sizeof own, "fake/devices/%d", orders->node_id);
  PJRT_Error *error = try_key(client, on_error, own, orders->kv_mute ? 0 : 5);
  if (error == NULL) error = put_own(client, orders, on_error);
  if (error == NULL) error = try_key(client, on_error, own, 0);
  for (int node = 0; node < orders->num_nodes && error == NULL; node++) error = get_other(client, orders, on_error, node);
  return error;
}
