// A PJRT plugin for tests that joins the devices of several processes, and computes: a real plugin for one process,
// XLA's CPU plugin, is behind it.
//
// Each process has as many of the devices as its own. Behind, it has all of them, and executes every program on all:
// before an execution the processes tell each other their arguments through the key-value store. So it is slow, and gives
// what a real plugin for several processes would. The options are those of XLA's CUDA plugin:
//   num_nodes (int)   processes
//   node_id (int)     which of them this is
// The variable JOINED_PLUGIN names the real plugin's file, JOINED_DEVICES how many devices each process has (2).

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pjrt_c_api.h"

enum { MOST = 64 };            // devices of all processes
enum { TIMEOUT_MS = 600000 };  // for what another process is to say

static const PJRT_Api *real;

static struct {
  int nodes, node, each, count;
  PJRT_Device *own[MOST];
  PJRT_Client_Create_Args callbacks;
  long executions;
} joined;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define ARGS(function, name, ...) function##_Args name = {.struct_size = function##_Args_STRUCT_SIZE, __VA_ARGS__}

// What cannot go wrong in a test that is right.
static void must(PJRT_Error *error) {
  if (error == NULL) return;
  ARGS(PJRT_Error_Message, message, .error = error);
  real->PJRT_Error_Message(&message);
  fprintf(stderr, "joined plugin: %.*s\n", (int)message.message_size, message.message);
  abort();
}

// ---- Errors of this plugin, beside those of the real one ----

static const char MAGIC[8] = "joined!";

typedef struct {
  char magic[8];
  int code;
  char text[512];
} OwnError;

static OwnError *own_error(const PJRT_Error *error) {
  return memcmp(error, MAGIC, sizeof MAGIC) == 0 ? (OwnError *)error : NULL;
}

static PJRT_Error *callback_error(PJRT_Error_Code code, const char *message, size_t size) {
  OwnError *error = calloc(1, sizeof *error);
  memcpy(error->magic, MAGIC, sizeof MAGIC);
  error->code = (int)code;
  snprintf(error->text, sizeof error->text, "%.*s", (int)size, message);
  return (PJRT_Error *)error;
}

static void Error_Destroy(PJRT_Error_Destroy_Args *args) {
  if (own_error(args->error) != NULL) free(args->error);
  else real->PJRT_Error_Destroy(args);
}

static void Error_Message(PJRT_Error_Message_Args *args) {
  OwnError *error = own_error(args->error);
  if (error == NULL) real->PJRT_Error_Message(args);
  else args->message = error->text, args->message_size = strlen(error->text);
}

static PJRT_Error *Error_GetCode(PJRT_Error_GetCode_Args *args) {
  OwnError *error = own_error(args->error);
  if (error == NULL) return real->PJRT_Error_GetCode(args);
  args->code = error->code;
  return NULL;
}

// ---- What the processes say to each other ----

static PJRT_CallbackError on_error = callback_error;

static PJRT_Error *put(long execution, const char *value, size_t size) {
  char key[64];
  ARGS(PJRT_KeyValuePutCallback, args, .key = key, .value = value, .value_size = size, .callback_error = &on_error);
  args.key_size = (size_t)snprintf(key, sizeof key, "joined/%ld/%d", execution, joined.node);
  args.user_arg = joined.callbacks.kv_put_user_arg;
  return joined.callbacks.kv_put_callback(&args);
}

static PJRT_Error *get(long execution, int node, PJRT_KeyValueGetCallback_Args *args) {
  char key[64];
  *args = (PJRT_KeyValueGetCallback_Args){.struct_size = PJRT_KeyValueGetCallback_Args_STRUCT_SIZE, .key = key};
  args->key_size = (size_t)snprintf(key, sizeof key, "joined/%ld/%d", execution, node);
  args->timeout_in_ms = TIMEOUT_MS;
  args->callback_error = &on_error;
  args->user_arg = joined.callbacks.kv_get_user_arg;
  return joined.callbacks.kv_get_callback(args);
}

// ---- Client and devices ----

static int id_of(PJRT_DeviceDescription *description) {
  ARGS(PJRT_DeviceDescription_Id, id, .device_description = description);
  must(real->PJRT_DeviceDescription_Id(&id));
  return id.id;
}

static int is_own(PJRT_Device *device) {
  ARGS(PJRT_Device_GetDescription, description, .device = device);
  must(real->PJRT_Device_GetDescription(&description));
  return id_of(description.device_description) / joined.each == joined.node;
}

static PJRT_Error *Client_Create(PJRT_Client_Create_Args *args) {
  const char *each = getenv("JOINED_DEVICES");
  joined.nodes = 1;
  joined.each = each == NULL ? 2 : atoi(each);
  for (size_t i = 0; i < args->num_options; i++) {
    const PJRT_NamedValue *option = &args->create_options[i];
    if (strncmp(option->name, "num_nodes", option->name_size) == 0) joined.nodes = (int)option->int64_value;
    if (strncmp(option->name, "node_id", option->name_size) == 0) joined.node = (int)option->int64_value;
  }
  joined.count = joined.each * joined.nodes;
  joined.callbacks = *args;
  PJRT_NamedValue devices = {.struct_size = PJRT_NamedValue_STRUCT_SIZE, .name = "cpu_device_count", .name_size = 16,
                             .type = PJRT_NamedValue_kInt64, .int64_value = joined.count, .value_size = 1};
  ARGS(PJRT_Client_Create, create, .create_options = &devices, .num_options = 1);
  PJRT_Error *error = real->PJRT_Client_Create(&create);
  if (error != NULL) return error;
  args->client = joined.callbacks.client = create.client;
  ARGS(PJRT_Client_Devices, all, .client = args->client);
  must(real->PJRT_Client_Devices(&all));
  for (size_t i = 0, own = 0; i < all.num_devices && i < MOST; i++)
    if (is_own(all.devices[i])) joined.own[own++] = all.devices[i];
  if (joined.nodes < 2) return NULL;
  error = put(-1, "here", 4);
  for (int node = 0; node < joined.nodes && error == NULL; node++) {
    PJRT_KeyValueGetCallback_Args there;
    error = get(-1, node, &there);
    if (error == NULL) there.value_deleter_callback(there.value);
  }
  return error;
}

static PJRT_Error *Client_ProcessIndex(PJRT_Client_ProcessIndex_Args *args) {
  args->process_index = joined.node;
  return NULL;
}

static PJRT_Error *Client_AddressableDevices(PJRT_Client_AddressableDevices_Args *args) {
  args->addressable_devices = joined.own;
  args->num_addressable_devices = joined.each;
  return NULL;
}

static PJRT_Error *Device_IsAddressable(PJRT_Device_IsAddressable_Args *args) {
  args->is_addressable = is_own(args->device);
  return NULL;
}

static PJRT_Error *DeviceDescription_ProcessIndex(PJRT_DeviceDescription_ProcessIndex_Args *args) {
  args->process_index = id_of(args->device_description) / joined.each;
  return NULL;
}

// ---- Arguments as bytes ----

typedef struct {
  char *bytes;
  size_t size, at;
} Text;

static void write_bytes(Text *text, const void *bytes, size_t size) {
  text->bytes = realloc(text->bytes, text->size + size);
  memcpy(text->bytes + text->size, bytes, size);
  text->size += size;
}

static const void *read_bytes(Text *text, size_t size) {
  text->at += size;
  return text->bytes + text->at - size;
}

static void await(PJRT_Event *event) {
  ARGS(PJRT_Event_Await, wait, .event = event);
  must(real->PJRT_Event_Await(&wait));
}

static void destroy_event(PJRT_Event *event) {
  ARGS(PJRT_Event_Destroy, destroy, .event = event);
  must(real->PJRT_Event_Destroy(&destroy));
}

static void destroy_buffer(PJRT_Buffer *buffer) {
  ARGS(PJRT_Buffer_Destroy, destroy, .buffer = buffer);
  must(real->PJRT_Buffer_Destroy(&destroy));
}

static void write_buffer(Text *text, PJRT_Buffer *buffer) {
  ARGS(PJRT_Buffer_ElementType, type, .buffer = buffer);
  ARGS(PJRT_Buffer_Dimensions, dims, .buffer = buffer);
  ARGS(PJRT_Buffer_ToHostBuffer, copy, .src = buffer);
  must(real->PJRT_Buffer_ElementType(&type));
  must(real->PJRT_Buffer_Dimensions(&dims));
  must(real->PJRT_Buffer_ToHostBuffer(&copy));
  copy.dst = malloc(copy.dst_size + 1);
  must(real->PJRT_Buffer_ToHostBuffer(&copy));
  await(copy.event);
  destroy_event(copy.event);
  write_bytes(text, &type.type, sizeof type.type);
  write_bytes(text, &dims.num_dims, sizeof dims.num_dims);
  write_bytes(text, dims.dims, dims.num_dims * sizeof *dims.dims);
  write_bytes(text, &copy.dst_size, sizeof copy.dst_size);
  write_bytes(text, copy.dst, copy.dst_size);
  free(copy.dst);
}

static PJRT_Buffer *read_buffer(Text *text, PJRT_Client *client, PJRT_Device *device) {
  ARGS(PJRT_Client_BufferFromHostBuffer, make, .client = client, .device = device);
  int64_t dims[8];
  size_t size;
  memcpy(&make.type, read_bytes(text, sizeof make.type), sizeof make.type);
  memcpy(&make.num_dims, read_bytes(text, sizeof make.num_dims), sizeof make.num_dims);
  memcpy(dims, read_bytes(text, make.num_dims * sizeof *dims), make.num_dims * sizeof *dims);
  memcpy(&size, read_bytes(text, sizeof size), sizeof size);
  make.dims = dims;
  make.data = read_bytes(text, size);
  make.host_buffer_semantics = PJRT_HostBufferSemantics_kImmutableOnlyDuringCall;
  must(real->PJRT_Client_BufferFromHostBuffer(&make));
  destroy_event(make.done_with_host_buffer);
  return make.buffer;
}

// ---- Executions ----

static PJRT_LoadedExecutable_AddressableDevices_Args devices_of(PJRT_LoadedExecutable *executable) {
  ARGS(PJRT_LoadedExecutable_AddressableDevices, devices, .executable = executable);
  must(real->PJRT_LoadedExecutable_AddressableDevices(&devices));
  return devices;
}

static PJRT_Error *LoadedExecutable_AddressableDevices(PJRT_LoadedExecutable_AddressableDevices_Args *args) {
  *args = devices_of(args->executable);
  if (args->num_addressable_devices == (size_t)joined.count) {
    args->addressable_devices = joined.own;
    args->num_addressable_devices = joined.each;
  } else if (!is_own(args->addressable_devices[0])) {
    args->num_addressable_devices = 0;
  }
  return NULL;
}

static size_t outputs_of(PJRT_LoadedExecutable *loaded) {
  ARGS(PJRT_LoadedExecutable_GetExecutable, get, .loaded_executable = loaded);
  must(real->PJRT_LoadedExecutable_GetExecutable(&get));
  ARGS(PJRT_Executable_NumOutputs, outputs, .executable = get.executable);
  must(real->PJRT_Executable_NumOutputs(&outputs));
  ARGS(PJRT_Executable_Destroy, destroy, .executable = get.executable);
  must(real->PJRT_Executable_Destroy(&destroy));
  return outputs.num_outputs;
}

// Fills the arguments of the other processes' devices.
static PJRT_Error *exchange(const PJRT_LoadedExecutable_Execute_Args *args, PJRT_Device *const *devices, PJRT_Buffer ***arguments) {
  Text own = {0};
  for (size_t d = 0; d < args->num_devices; d++)
    for (size_t k = 0; k < args->num_args; k++) write_buffer(&own, args->argument_lists[d][k]);
  PJRT_Error *error = put(joined.executions, own.bytes, own.size);
  free(own.bytes);
  for (int node = 0; node < joined.nodes && error == NULL; node++) {
    PJRT_KeyValueGetCallback_Args said;
    if (node == joined.node) continue;
    error = get(joined.executions, node, &said);
    if (error != NULL) break;
    Text text = {.bytes = said.value, .size = said.value_size};
    for (int d = node * joined.each; d < (node + 1) * joined.each; d++)
      for (size_t k = 0; k < args->num_args; k++)
        arguments[d][k] = read_buffer(&text, joined.callbacks.client, devices[d]);
    said.value_deleter_callback(said.value);
  }
  joined.executions++;
  return error;
}

// Of a program on all devices, which lie in the order of their identifiers.
static PJRT_Error *execute_on_all(PJRT_LoadedExecutable_Execute_Args *args, PJRT_Device *const *devices) {
  size_t count = (size_t)joined.count, outputs = outputs_of(args->executable), each = (size_t)joined.each, first = (size_t)joined.node * each;
  PJRT_Buffer **arguments[MOST], **results[MOST];
  PJRT_Event *events[MOST];
  for (size_t d = 0; d < count; d++) {
    int own = d >= first && d < first + each;
    arguments[d] = calloc(args->num_args + 1, sizeof **arguments);
    results[d] = calloc(outputs + 1, sizeof **results);
    if (own) memcpy(arguments[d], args->argument_lists[d - first], args->num_args * sizeof **arguments);
  }
  PJRT_Error *error = exchange(args, devices, arguments);
  if (error == NULL) {
    PJRT_LoadedExecutable_Execute_Args all = *args;
    all.num_devices = count;
    all.argument_lists = (PJRT_Buffer *const *const *)arguments;
    all.output_lists = results;
    all.device_complete_events = events;
    error = real->PJRT_LoadedExecutable_Execute(&all);
  }
  for (size_t d = 0; d < count; d++) {
    int own = d >= first && d < first + each;
    // Devices share a pool of threads: with two executions under way, both could wait for each other.
    if (error == NULL) await(events[d]);
    for (size_t k = 0; k < outputs && error == NULL; k++) {
      if (own) args->output_lists[d - first][k] = results[d][k];
      else destroy_buffer(results[d][k]);
    }
    if (error == NULL && own && args->device_complete_events != NULL) args->device_complete_events[d - first] = events[d];
    else if (error == NULL) destroy_event(events[d]);
    for (size_t k = 0; k < args->num_args; k++)
      if (!own && arguments[d][k] != NULL) destroy_buffer(arguments[d][k]);
    free(arguments[d]);
    free(results[d]);
  }
  return error;
}

static PJRT_Error *LoadedExecutable_Execute(PJRT_LoadedExecutable_Execute_Args *args) {
  PJRT_LoadedExecutable_AddressableDevices_Args devices = devices_of(args->executable);
  if (joined.nodes < 2 || devices.num_addressable_devices != (size_t)joined.count)
    return real->PJRT_LoadedExecutable_Execute(args);
  pthread_mutex_lock(&turn);
  PJRT_Error *error = execute_on_all(args, devices.addressable_devices);
  pthread_mutex_unlock(&turn);
  return error;
}

// ---- The function table ----

const PJRT_Api *GetPjrtApi(void);
const PJRT_Api *GetPjrtApi(void) {
  static union {
    PJRT_Api api;
    char bytes[1 << 14];
  } table;
  if (real != NULL) return &table.api;
  const char *path = getenv("JOINED_PLUGIN");
  void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "joined plugin: JOINED_PLUGIN: %s\n", path == NULL ? "not set" : dlerror());
    return NULL;
  }
  const PJRT_Api *(*get_api)(void) = (const PJRT_Api *(*)(void))dlsym(library, "GetPjrtApi");
  real = get_api();
  memcpy(&table, real, real->struct_size);
#define OWN(function) table.api.PJRT_##function = function
  OWN(Error_Destroy), OWN(Error_Message), OWN(Error_GetCode);
  OWN(Client_Create), OWN(Client_ProcessIndex), OWN(Client_AddressableDevices);
  OWN(Device_IsAddressable), OWN(DeviceDescription_ProcessIndex);
  OWN(LoadedExecutable_AddressableDevices), OWN(LoadedExecutable_Execute);
  return &table.api;
}
