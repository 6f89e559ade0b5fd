// A PJRT plugin that computes nothing and can be told to misbehave.
//
// Compiled by tests, see ../fake_plugin.rs. What it does wrong before there is a client is chosen when it is compiled:
//   FAKE_MAJOR, FAKE_MINOR   the API version it claims
//   FAKE_STRUCT_SIZE         the size of the function table it claims
//   FAKE_NULL_API            GetPjrtApi returns null
//   FAKE_NO_SYMBOL           it does not export GetPjrtApi
//   FAKE_MISSING             the name of a function whose slot is null
//   FAKE_INITIALIZE_CODE     PJRT_Plugin_Initialize fails with this code
// The rest is chosen by options of the client or topology:
//   fail_at (string)         the function that fails ...
//   error_code (int)         ... with this code
//   malform (string)         the function that reports success and returns null or nonsense
//   fail_event (string)      the function whose event carries an error
//   num_nodes (int)          processes of the client; above 1, they find each other through the key-value store
//   node_id (int)            which of them this is
//   kv_timeout_ms (int)      how long it waits for each of the others
//   kv_mute (int)            not 0: the callbacks get no way to report an error
//
// A program is text: "outputs=N donate=I", where output k is input k, and input I is donated (-1: none). It runs on one
// device, or with " partitions=P" behind it on all devices of this process, as its part of P.
// Handles are never really freed, so every wrong use of one is noticed: plugin attributes count them.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pjrt_c_api.h"

#ifndef FAKE_MAJOR
#define FAKE_MAJOR PJRT_API_MAJOR
#endif
#ifndef FAKE_MINOR
#define FAKE_MINOR PJRT_API_MINOR
#endif
#ifndef FAKE_STRUCT_SIZE
#define FAKE_STRUCT_SIZE PJRT_Api_STRUCT_SIZE
#endif
#ifndef FAKE_INITIALIZE_CODE
#define FAKE_INITIALIZE_CODE 0
#endif

// ---- Counting handles ----

enum Kind { ERROR, EVENT, CLIENT, BUFFER, EXECUTABLE, LOADED, TOPOLOGY, BYTES, KINDS };
static const char *const KIND_NAMES[KINDS] = {"errors", "events", "clients", "buffers",
                                              "executables", "loaded_executables", "topologies", "serialized_bytes"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t live[KINDS], made[KINDS];
static int64_t wrong_uses;         // of freed handles, null, or handles of another kind
static int64_t outlived_owners;    // handles freed after the client or topology they were made from
static int64_t initializations;
static int64_t callbacks_pending;  // registered, not called yet

typedef struct Handle {
  enum Kind kind;
  int alive;
  struct Handle *owner;
} Handle;

static void *make(enum Kind kind, size_t size, void *owner) {
  Handle *handle = calloc(1, size);
  handle->kind = kind;
  handle->alive = 1;
  handle->owner = owner;
  pthread_mutex_lock(&lock);
  live[kind]++;
  made[kind]++;
  pthread_mutex_unlock(&lock);
  return handle;
}

static void use(const void *pointer, enum Kind kind) {
  const Handle *handle = pointer;
  pthread_mutex_lock(&lock);
  if (handle == NULL || handle->kind != kind || !handle->alive) wrong_uses++;
  pthread_mutex_unlock(&lock);
}

static void destroy(void *pointer, enum Kind kind) {
  use(pointer, kind);
  Handle *handle = pointer;
  if (handle == NULL) return;
  pthread_mutex_lock(&lock);
  if (handle->owner != NULL && !handle->owner->alive) outlived_owners++;
  handle->alive = 0;
  live[kind]--;
  pthread_mutex_unlock(&lock);
}

// ---- Errors ----

struct PJRT_Error {
  Handle handle;
  int code;
  char message[160];
};

static PJRT_Error *error_of(int code, const char *message) {
  PJRT_Error *error = make(ERROR, sizeof *error, NULL);
  error->code = code;
  snprintf(error->message, sizeof error->message, "%s", message);
  return error;
}

static void Error_Destroy(PJRT_Error_Destroy_Args *args) { destroy(args->error, ERROR); }

static void Error_Message(PJRT_Error_Message_Args *args) {
  use(args->error, ERROR);
  args->message = args->error->message;
  args->message_size = strlen(args->error->message);
}

static PJRT_Error *Error_GetCode(PJRT_Error_GetCode_Args *args) {
  use(args->error, ERROR);
  args->code = args->error->code;
  return NULL;
}

// ---- What a client was told to do wrong ----

typedef struct {
  char fail_at[64], malform[64], fail_event[64];
  int error_code, num_nodes, node_id, kv_timeout_ms, kv_mute;
} Orders;

static void copy_text(char *to, const PJRT_NamedValue *from) {
  snprintf(to, 64, "%.*s", (int)from->value_size, from->string_value);
}

static PJRT_Error *read_orders(Orders *orders, const PJRT_NamedValue *options, size_t count) {
  orders->error_code = 13;
  orders->num_nodes = 1;
  orders->kv_timeout_ms = 10000;
  for (size_t i = 0; i < count; i++) {
    const PJRT_NamedValue *option = &options[i];
#define IS(text) (option->name_size == strlen(text) && memcmp(option->name, text, option->name_size) == 0)
    if (IS("fail_at") && option->type == PJRT_NamedValue_kString) copy_text(orders->fail_at, option);
    else if (IS("malform") && option->type == PJRT_NamedValue_kString) copy_text(orders->malform, option);
    else if (IS("fail_event") && option->type == PJRT_NamedValue_kString) copy_text(orders->fail_event, option);
    else if (IS("error_code") && option->type == PJRT_NamedValue_kInt64) orders->error_code = (int)option->int64_value;
    else if (IS("num_nodes") && option->type == PJRT_NamedValue_kInt64) orders->num_nodes = (int)option->int64_value;
    else if (IS("node_id") && option->type == PJRT_NamedValue_kInt64) orders->node_id = (int)option->int64_value;
    else if (IS("kv_timeout_ms") && option->type == PJRT_NamedValue_kInt64) orders->kv_timeout_ms = (int)option->int64_value;
    else if (IS("kv_mute") && option->type == PJRT_NamedValue_kInt64) orders->kv_mute = (int)option->int64_value;
    /* As the CUDA plugin, which the runtime gives it always; there is no memory here. */
    else if (IS("memory_fraction") && option->type == PJRT_NamedValue_kFloat) continue;
    else return error_of(3, "unknown option");
#undef IS
  }
  return NULL;
}

static PJRT_Error *refuse(const Orders *orders, const char *function) {
  if (strcmp(orders->fail_at, function) != 0) return NULL;
  char message[120];
  snprintf(message, sizeof message, "%s was told to fail", function);
  return error_of(orders->error_code, message);
}

#define MALFORM(orders, function) (strcmp((orders)->malform, function) == 0)

// Every function begins with this: the caller must know the whole structure, and orders are obeyed.
#define ENTER(function, orders)                                                              \
  do {                                                                                       \
    if (args->struct_size != function##_Args_STRUCT_SIZE) return error_of(3, "struct_size"); \
    PJRT_Error *ordered = refuse(orders, #function);                                         \
    if (ordered != NULL) return ordered;                                                     \
  } while (0)

#include "processes.h"

#include "objects.h"
#include "programs.h"

// ---- Plugin ----

static PJRT_Error *Plugin_Initialize(PJRT_Plugin_Initialize_Args *args) {
  (void)args;
  initializations++;
  return FAKE_INITIALIZE_CODE ? error_of(FAKE_INITIALIZE_CODE, "initialisation was told to fail") : NULL;
}

static PJRT_Error *Plugin_Attributes(PJRT_Plugin_Attributes_Args *args) {
  static PJRT_NamedValue values[2 * KINDS + 4];
  static char names[KINDS][2][40];
  size_t n = 0;
  memset(values, 0, sizeof values);
#define ADD(text, number)                                              \
  values[n++] = (PJRT_NamedValue){.struct_size = PJRT_NamedValue_STRUCT_SIZE, \
                                  .name = text, .name_size = strlen(text),     \
                                  .type = PJRT_NamedValue_kInt64, .int64_value = number, .value_size = 1}
  pthread_mutex_lock(&lock);
  for (int kind = 0; kind < KINDS; kind++) {
    snprintf(names[kind][0], 40, "live_%s", KIND_NAMES[kind]);
    snprintf(names[kind][1], 40, "made_%s", KIND_NAMES[kind]);
    ADD(names[kind][0], live[kind]);
    ADD(names[kind][1], made[kind]);
  }
  ADD("wrong_uses", wrong_uses);
  ADD("outlived_owners", outlived_owners);
  ADD("callbacks_pending", callbacks_pending);
  ADD("made_initializations", initializations);
  pthread_mutex_unlock(&lock);
  args->attributes = values;
  args->num_attributes = n;
  return NULL;
}

// ---- The function table ----

static PJRT_Api api;

static void fill(void) {
  api.struct_size = FAKE_STRUCT_SIZE;
  api.pjrt_api_version.struct_size = PJRT_Api_Version_STRUCT_SIZE;
  api.pjrt_api_version.major_version = FAKE_MAJOR;
  api.pjrt_api_version.minor_version = FAKE_MINOR;
#define SLOT(name) api.PJRT_##name = name
  SLOT(Error_Destroy), SLOT(Error_Message), SLOT(Error_GetCode);
  SLOT(Plugin_Initialize), SLOT(Plugin_Attributes);
  SLOT(Event_Destroy), SLOT(Event_IsReady), SLOT(Event_Error), SLOT(Event_Await), SLOT(Event_OnReady);
  SLOT(Client_Create), SLOT(Client_Destroy), SLOT(Client_PlatformName), SLOT(Client_PlatformVersion);
  SLOT(Client_Devices), SLOT(Client_AddressableDevices), SLOT(Client_Compile), SLOT(Client_BufferFromHostBuffer);
  SLOT(Client_TopologyDescription), SLOT(Client_ProcessIndex);
  SLOT(DeviceDescription_Id), SLOT(DeviceDescription_ProcessIndex), SLOT(DeviceDescription_Attributes);
  SLOT(DeviceDescription_Kind), SLOT(DeviceDescription_ToString), SLOT(Device_GetDescription);
  SLOT(Executable_Destroy), SLOT(Executable_Name), SLOT(Executable_NumReplicas), SLOT(Executable_NumPartitions);
  SLOT(Executable_NumOutputs), SLOT(Executable_OutputElementTypes), SLOT(Executable_OutputDimensions);
  SLOT(Executable_OptimizedProgram), SLOT(Executable_Serialize), SLOT(Executable_DeserializeAndLoad);
  SLOT(LoadedExecutable_Destroy), SLOT(LoadedExecutable_GetExecutable);
  SLOT(LoadedExecutable_AddressableDevices), SLOT(LoadedExecutable_Execute);
  SLOT(Buffer_Destroy), SLOT(Buffer_ElementType), SLOT(Buffer_Dimensions), SLOT(Buffer_Delete);
  SLOT(Buffer_IsDeleted), SLOT(Buffer_ToHostBuffer), SLOT(Buffer_ReadyEvent), SLOT(Buffer_OnDeviceSizeInBytes);
  SLOT(TopologyDescription_Create), SLOT(TopologyDescription_Destroy), SLOT(TopologyDescription_PlatformName);
  SLOT(TopologyDescription_PlatformVersion), SLOT(TopologyDescription_GetDeviceDescriptions);
  SLOT(TopologyDescription_Serialize), SLOT(Compile);
#ifdef FAKE_MISSING
  api.FAKE_MISSING = NULL;
#endif
}

#ifndef FAKE_NO_SYMBOL
const PJRT_Api *GetPjrtApi(void);
const PJRT_Api *GetPjrtApi(void) {
#ifdef FAKE_NULL_API
  return NULL;
#endif
  fill();
  return &api;
}
#else
void *fake_unused(void);
void *fake_unused(void) { fill(); return &api; }
#endif
