// The fake plugin's objects: events, devices, clients, buffers.

// ---- Events ----

struct PJRT_Event {
  Handle handle;
  int ready;       // becomes true when awaited
  int error_code;  // 0: none
  // A transfer to the host happens when it is awaited.
  void *destination;
  const void *source;
  size_t bytes;
  struct PJRT_Buffer *until_freed;  // of a zero-copy transfer: ready when this buffer is freed
  PJRT_Event_OnReadyCallback callback;
  void *user_arg;
};

static PJRT_Event *event_of(void *client, const Orders *orders, const char *function) {
  PJRT_Event *event = make(EVENT, sizeof *event, client);
  if (strcmp(orders->fail_event, function) == 0) event->error_code = orders->error_code;
  return event;
}

static PJRT_Error *event_error(const PJRT_Event *event) {
  return event->error_code ? error_of(event->error_code, "an event was told to carry an error") : NULL;
}

static PJRT_Error *Event_Destroy(PJRT_Event_Destroy_Args *args) {
  if (args->event->destination != NULL) wrong_uses++;  // nobody knows when the destination may be freed
  destroy(args->event, EVENT);
  return NULL;
}

static PJRT_Error *Event_IsReady(PJRT_Event_IsReady_Args *args) {
  use(args->event, EVENT);
  args->is_ready = args->event->ready;
  return NULL;
}

static PJRT_Error *Event_Error(PJRT_Event_Error_Args *args) {
  use(args->event, EVENT);
  return event_error(args->event);
}

static PJRT_Error *Event_Await(PJRT_Event_Await_Args *args) {
  use(args->event, EVENT);
  PJRT_Event *event = args->event;
  if (event->destination != NULL) memcpy(event->destination, event->source, event->bytes);
  event->destination = NULL;
  event->ready = 1;
  return event_error(event);
}

static void call_back(PJRT_Event *event) {
  pthread_mutex_lock(&lock);
  callbacks_pending--;
  pthread_mutex_unlock(&lock);
  event->callback(event_error(event), event->user_arg);
}

static void *call_back_later(void *event) {
  call_back(event);
  return NULL;
}

// ---- Devices, clients ----

struct PJRT_DeviceDescription {
  int id, process;
  char name[32];
};
struct PJRT_Device {
  PJRT_DeviceDescription description;
};

struct PJRT_TopologyDescription {
  Handle handle;
  Orders orders;
  PJRT_DeviceDescription devices[DEVICES];
  PJRT_DeviceDescription *list[DEVICES];
};

struct PJRT_Client {
  Handle handle;
  Orders orders;
  int count;
  PJRT_Device devices[DEVICES * MOST_NODES];
  PJRT_Device *list[DEVICES * MOST_NODES], *own[DEVICES];
  PJRT_TopologyDescription *topology;
};

static void number(PJRT_DeviceDescription *device, int id) {
  device->id = id;
  device->process = id / DEVICES;
  snprintf(device->name, sizeof device->name, "FakeDevice(id=%d)", id);
}

static PJRT_TopologyDescription *topology_of(const Orders *orders, void *owner) {
  PJRT_TopologyDescription *topology = make(TOPOLOGY, sizeof *topology, owner);
  topology->orders = *orders;
  for (int i = 0; i < DEVICES; i++) number(&topology->devices[i], i), topology->list[i] = &topology->devices[i];
  return topology;
}

static PJRT_Error *Client_Create(PJRT_Client_Create_Args *args) {
  Orders orders = {0};
  PJRT_Error *error = read_orders(&orders, args->create_options, args->num_options);
  if (error != NULL) return error;
  ENTER(PJRT_Client_Create, &orders);
  if (MALFORM(&orders, "PJRT_Client_Create")) return NULL;
  error = rendezvous(args, &orders);
  if (error != NULL) return error;
  PJRT_Client *client = make(CLIENT, sizeof *client, NULL);
  client->orders = orders;
  client->count = DEVICES * orders.num_nodes;
  for (int i = 0; i < client->count; i++) {
    number(&client->devices[i].description, i);
    // Of several processes, the last comes first in the list: order is nothing to rely on.
    int place = (orders.num_nodes - 1 - i / DEVICES) * DEVICES + i % DEVICES;
    client->list[place] = &client->devices[i];
  }
  for (int i = 0; i < DEVICES; i++) client->own[i] = &client->devices[orders.node_id * DEVICES + i];
  client->topology = topology_of(&orders, NULL);
  args->client = client;
  return NULL;
}

static PJRT_Error *Client_Destroy(PJRT_Client_Destroy_Args *args) {
  destroy(args->client->topology, TOPOLOGY);
  destroy(args->client, CLIENT);
  return NULL;
}

static PJRT_Error *Client_PlatformName(PJRT_Client_PlatformName_Args *args) {
  use(args->client, CLIENT);
  ENTER(PJRT_Client_PlatformName, &args->client->orders);
  args->platform_name = "fake";
  args->platform_name_size = 4;
  return NULL;
}

static PJRT_Error *Client_PlatformVersion(PJRT_Client_PlatformVersion_Args *args) {
  // A null text is what a careless plugin gives for "no version".
  args->platform_version = NULL;
  args->platform_version_size = 7;
  return NULL;
}

static PJRT_Error *Client_Devices(PJRT_Client_Devices_Args *args) {
  use(args->client, CLIENT);
  ENTER(PJRT_Client_Devices, &args->client->orders);
  if (MALFORM(&args->client->orders, "PJRT_Client_Devices")) args->client->list[1] = NULL;
  args->devices = args->client->list;
  args->num_devices = (size_t)args->client->count;
  return NULL;
}

static PJRT_Error *Client_ProcessIndex(PJRT_Client_ProcessIndex_Args *args) {
  use(args->client, CLIENT);
  args->process_index = args->client->orders.node_id;
  return NULL;
}

static PJRT_Error *Client_AddressableDevices(PJRT_Client_AddressableDevices_Args *args) {
  use(args->client, CLIENT);
  args->addressable_devices = args->client->own;
  args->num_addressable_devices = DEVICES;
  return NULL;
}

static PJRT_Error *Client_TopologyDescription(PJRT_Client_TopologyDescription_Args *args) {
  use(args->client, CLIENT);
  args->topology = args->client->topology;
  return NULL;
}

static PJRT_Error *Device_GetDescription(PJRT_Device_GetDescription_Args *args) {
  args->device_description = &args->device->description;
  return NULL;
}

static PJRT_Error *DeviceDescription_Id(PJRT_DeviceDescription_Id_Args *args) {
  args->id = args->device_description->id;
  return NULL;
}

static PJRT_Error *DeviceDescription_ProcessIndex(PJRT_DeviceDescription_ProcessIndex_Args *args) {
  args->process_index = args->device_description->process;
  return NULL;
}

static PJRT_Error *DeviceDescription_Kind(PJRT_DeviceDescription_Kind_Args *args) {
  args->device_kind = "fake\xff";  // not UTF-8
  args->device_kind_size = 5;
  return NULL;
}

static PJRT_Error *DeviceDescription_ToString(PJRT_DeviceDescription_ToString_Args *args) {
  args->to_string = args->device_description->name;
  args->to_string_size = strlen(args->device_description->name);
  return NULL;
}

static PJRT_Error *DeviceDescription_Attributes(PJRT_DeviceDescription_Attributes_Args *args) {
  static const int64_t coordinates[3] = {1, 2, 3};
  static PJRT_NamedValue values[4] = {
      {.name = "coords", .name_size = 6, .type = PJRT_NamedValue_kInt64List, .int64_array_value = coordinates, .value_size = 3},
      {.name = "clock", .name_size = 5, .type = PJRT_NamedValue_kFloat, .float_value = 0.5f, .value_size = 1},
      {.name = "megacore", .name_size = 8, .type = PJRT_NamedValue_kBool, .bool_value = true, .value_size = 1},
      {.name = "new", .name_size = 3, .type = 99, .value_size = 1},
  };
  args->attributes = values;
  args->num_attributes = 4;
  return NULL;
}

// ---- Buffers ----

struct PJRT_Buffer {
  Handle handle;
  PJRT_Client *client;
  PJRT_Device *device;
  PJRT_Buffer_Type type;
  int64_t dims[8];
  size_t num_dims, bytes;
  const void *data;  // the caller's, if zero-copy
  int deleted;
  PJRT_Event *when_freed;
};

static size_t element_size(PJRT_Buffer_Type type) {
  switch (type) {
    case PJRT_Buffer_Type_PRED: case PJRT_Buffer_Type_S8: case PJRT_Buffer_Type_U8: return 1;
    case PJRT_Buffer_Type_S16: case PJRT_Buffer_Type_U16: case PJRT_Buffer_Type_F16: case PJRT_Buffer_Type_BF16: return 2;
    case PJRT_Buffer_Type_S32: case PJRT_Buffer_Type_U32: case PJRT_Buffer_Type_F32: return 4;
    default: return 8;
  }
}

static PJRT_Buffer *buffer_of(PJRT_Client *client, PJRT_Device *device, PJRT_Buffer_Type type, const int64_t *dims,
                              size_t num_dims, const void *data, int zero_copy) {
  PJRT_Buffer *buffer = make(BUFFER, sizeof *buffer, client);
  buffer->client = client;
  buffer->device = device;
  buffer->type = type;
  buffer->num_dims = num_dims;
  buffer->bytes = element_size(type);
  for (size_t i = 0; i < num_dims; i++) buffer->dims[i] = dims[i], buffer->bytes *= (size_t)dims[i];
  if (zero_copy) {
    buffer->data = data;
  } else {
    void *copy = malloc(buffer->bytes + 1);
    memcpy(copy, data, buffer->bytes);
    buffer->data = copy;
  }
  return buffer;
}

static PJRT_Error *Event_OnReady(PJRT_Event_OnReady_Args *args) {
  PJRT_Event *event = args->event;
  use(event, EVENT);
  PJRT_Client *client = (PJRT_Client *)event->handle.owner;
  ENTER(PJRT_Event_OnReady, &client->orders);
  pthread_mutex_lock(&lock);
  callbacks_pending++;
  pthread_mutex_unlock(&lock);
  // The event may be destroyed before it calls back: keep what is needed.
  PJRT_Event *copy = malloc(sizeof *copy);
  *copy = *event;
  copy->callback = args->callback;
  copy->user_arg = args->user_arg;
  if (event->until_freed != NULL) {
    event->until_freed->when_freed = copy;
    return NULL;
  }
  pthread_t thread;
  pthread_create(&thread, NULL, call_back_later, copy);
  pthread_join(thread, NULL);
  return NULL;
}

static void release(PJRT_Buffer *buffer) {
  PJRT_Event *event = buffer->when_freed;
  buffer->when_freed = NULL;
  if (event != NULL) call_back(event);
}

static PJRT_Error *Client_BufferFromHostBuffer(PJRT_Client_BufferFromHostBuffer_Args *args) {
  use(args->client, CLIENT);
  const Orders *orders = &args->client->orders;
  ENTER(PJRT_Client_BufferFromHostBuffer, orders);
  if (MALFORM(orders, "PJRT_Client_BufferFromHostBuffer")) return NULL;
  int zero_copy = args->host_buffer_semantics == PJRT_HostBufferSemantics_kMutableZeroCopy;
  args->buffer = buffer_of(args->client, args->device, args->type, args->dims, args->num_dims, args->data, zero_copy);
  args->done_with_host_buffer = event_of(args->client, orders, "PJRT_Client_BufferFromHostBuffer");
  if (zero_copy) args->done_with_host_buffer->until_freed = args->buffer;
  return NULL;
}

static PJRT_Error *Buffer_Destroy(PJRT_Buffer_Destroy_Args *args) {
  destroy(args->buffer, BUFFER);
  release(args->buffer);
  return NULL;
}

static PJRT_Error *Buffer_ElementType(PJRT_Buffer_ElementType_Args *args) {
  use(args->buffer, BUFFER);
  args->type = MALFORM(&args->buffer->client->orders, "PJRT_Buffer_ElementType") ? 4711 : args->buffer->type;
  return NULL;
}

static PJRT_Error *Buffer_Dimensions(PJRT_Buffer_Dimensions_Args *args) {
  static const int64_t negative[1] = {-3};
  use(args->buffer, BUFFER);
  int malform = MALFORM(&args->buffer->client->orders, "PJRT_Buffer_Dimensions");
  args->dims = malform ? negative : args->buffer->dims;
  args->num_dims = malform ? 1 : args->buffer->num_dims;
  return NULL;
}

static PJRT_Error *Buffer_OnDeviceSizeInBytes(PJRT_Buffer_OnDeviceSizeInBytes_Args *args) {
  use(args->buffer, BUFFER);
  args->on_device_size_in_bytes = args->buffer->bytes;
  return NULL;
}

static PJRT_Error *Buffer_Delete(PJRT_Buffer_Delete_Args *args) {
  use(args->buffer, BUFFER);
  args->buffer->deleted = 1;
  release(args->buffer);
  return NULL;
}

static PJRT_Error *Buffer_IsDeleted(PJRT_Buffer_IsDeleted_Args *args) {
  use(args->buffer, BUFFER);
  args->is_deleted = args->buffer->deleted;
  return NULL;
}

static PJRT_Error *Buffer_ToHostBuffer(PJRT_Buffer_ToHostBuffer_Args *args) {
  use(args->src, BUFFER);
  const Orders *orders = &args->src->client->orders;
  ENTER(PJRT_Buffer_ToHostBuffer, orders);
  if (args->dst_size < args->src->bytes) return error_of(3, "dst_size");
  if (MALFORM(orders, "PJRT_Buffer_ToHostBuffer")) return NULL;
  args->event = event_of(args->src->client, orders, "PJRT_Buffer_ToHostBuffer");
  args->event->destination = args->dst;
  args->event->source = args->src->data;
  args->event->bytes = args->src->bytes;
  return NULL;
}

static PJRT_Error *Buffer_ReadyEvent(PJRT_Buffer_ReadyEvent_Args *args) {
  use(args->buffer, BUFFER);
  args->event = event_of(args->buffer->client, &args->buffer->client->orders, "PJRT_Buffer_ReadyEvent");
  return NULL;
}
