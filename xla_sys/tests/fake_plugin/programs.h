// The fake plugin's executables and topologies.

// ---- Executables ----

struct PJRT_Executable {
  Handle handle;
  Orders orders;
  int outputs, donate, partitions;
};

struct PJRT_LoadedExecutable {
  Handle handle;
  PJRT_Client *client;
  int outputs, donate, partitions;
};

struct PJRT_SerializedExecutable {
  Handle handle;
  char text[64];
};
struct PJRT_SerializedTopology {
  Handle handle;
};

static int parse(const char *code, size_t size, int *outputs, int *donate, int *partitions) {
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)size, code);
  *partitions = 1;
  return sscanf(text, "outputs=%d donate=%d partitions=%d", outputs, donate, partitions) >= 2;
}

static PJRT_Error *Client_Compile(PJRT_Client_Compile_Args *args) {
  use(args->client, CLIENT);
  ENTER(PJRT_Client_Compile, &args->client->orders);
  int outputs, donate, partitions;
  if (!parse(args->program->code, args->program->code_size, &outputs, &donate, &partitions)) return error_of(3, "syntax error");
  if (MALFORM(&args->client->orders, "PJRT_Client_Compile")) return NULL;
  args->executable = make(LOADED, sizeof *args->executable, args->client);
  args->executable->client = args->client;
  args->executable->outputs = outputs;
  args->executable->donate = donate;
  args->executable->partitions = partitions;
  return NULL;
}

static PJRT_Error *LoadedExecutable_Destroy(PJRT_LoadedExecutable_Destroy_Args *args) {
  destroy(args->executable, LOADED);
  return NULL;
}

static PJRT_Error *LoadedExecutable_GetExecutable(PJRT_LoadedExecutable_GetExecutable_Args *args) {
  PJRT_LoadedExecutable *loaded = args->loaded_executable;
  use(loaded, LOADED);
  ENTER(PJRT_LoadedExecutable_GetExecutable, &loaded->client->orders);
  if (MALFORM(&loaded->client->orders, "PJRT_LoadedExecutable_GetExecutable")) return NULL;
  args->executable = make(EXECUTABLE, sizeof *args->executable, loaded->client);
  args->executable->orders = loaded->client->orders;
  args->executable->outputs = loaded->outputs;
  args->executable->donate = loaded->donate;
  args->executable->partitions = loaded->partitions;
  return NULL;
}

static PJRT_Error *LoadedExecutable_AddressableDevices(PJRT_LoadedExecutable_AddressableDevices_Args *args) {
  use(args->executable, LOADED);
  ENTER(PJRT_LoadedExecutable_AddressableDevices, &args->executable->client->orders);
  args->addressable_devices = args->executable->client->own;
  args->num_addressable_devices = args->executable->partitions > 1 ? DEVICES : 1;
  return NULL;
}

static PJRT_Error *LoadedExecutable_Execute(PJRT_LoadedExecutable_Execute_Args *args) {
  PJRT_LoadedExecutable *loaded = args->executable;
  use(loaded, LOADED);
  const Orders *orders = &loaded->client->orders;
  ENTER(PJRT_LoadedExecutable_Execute, orders);
  int donate = loaded->donate;
  for (size_t i = 0; i < args->options->num_non_donatable_input_indices; i++)
    if (args->options->non_donatable_input_indices[i] == donate) donate = -1;
  for (size_t d = 0; d < args->num_devices; d++) {
    for (int k = 0; k < loaded->outputs; k++) {
      const PJRT_Buffer *argument = args->argument_lists[d][k];
      use(argument, BUFFER);
      args->output_lists[d][k] = buffer_of(loaded->client, argument->device, argument->type, argument->dims,
                                           argument->num_dims, argument->data, 0);
    }
    if (donate >= 0) args->argument_lists[d][donate]->deleted = 1;
  }
  if (MALFORM(orders, "outputs")) destroy(args->output_lists[0][0], BUFFER), args->output_lists[0][0] = NULL;
  if (MALFORM(orders, "events")) return NULL;
  for (size_t d = 0; d < args->num_devices; d++)
    args->device_complete_events[d] = event_of(loaded->client, orders, "PJRT_LoadedExecutable_Execute");
  return NULL;
}

static PJRT_Error *Executable_Destroy(PJRT_Executable_Destroy_Args *args) {
  destroy(args->executable, EXECUTABLE);
  return NULL;
}

static PJRT_Error *Executable_Name(PJRT_Executable_Name_Args *args) {
  use(args->executable, EXECUTABLE);
  ENTER(PJRT_Executable_Name, &args->executable->orders);
  args->executable_name = "main";
  args->executable_name_size = 4;
  return NULL;
}

static PJRT_Error *Executable_NumReplicas(PJRT_Executable_NumReplicas_Args *args) {
  args->num_replicas = 1;
  return NULL;
}

static PJRT_Error *Executable_NumPartitions(PJRT_Executable_NumPartitions_Args *args) {
  args->num_partitions = (size_t)(args->executable->partitions > 1 ? args->executable->partitions : 1);
  return NULL;
}

static PJRT_Error *Executable_NumOutputs(PJRT_Executable_NumOutputs_Args *args) {
  use(args->executable, EXECUTABLE);
  ENTER(PJRT_Executable_NumOutputs, &args->executable->orders);
  args->num_outputs = (size_t)args->executable->outputs;
  return NULL;
}

static PJRT_Error *Executable_OutputElementTypes(PJRT_Executable_OutputElementTypes_Args *args) {
  static PJRT_Buffer_Type types[2] = {PJRT_Buffer_Type_F32, PJRT_Buffer_Type_S64};
  args->output_types = types;
  args->num_output_types = MALFORM(&args->executable->orders, "PJRT_Executable_OutputElementTypes") ? 1 : 2;
  return NULL;
}

static PJRT_Error *Executable_OutputDimensions(PJRT_Executable_OutputDimensions_Args *args) {
  static const int64_t dims[3] = {2, 3, 4};
  static const size_t ranks[2] = {2, 1};
  args->num_outputs = 2;
  args->dims = dims;
  args->dim_sizes = ranks;
  return NULL;
}

static PJRT_Error *Executable_OptimizedProgram(PJRT_Executable_OptimizedProgram_Args *args) {
  use(args->executable, EXECUTABLE);
  if (!MALFORM(&args->executable->orders, "PJRT_Executable_OptimizedProgram")) return error_of(12, "no program");
  // Nonsense that grows between the two calls.
  args->program->format = "hlo";
  args->program->format_size = 3;
  args->program->code_size = args->program->code == NULL ? 1 : 1000;
  return NULL;
}

static void delete_executable(PJRT_SerializedExecutable *bytes) { destroy(bytes, BYTES); }

static PJRT_Error *Executable_Serialize(PJRT_Executable_Serialize_Args *args) {
  use(args->executable, EXECUTABLE);
  ENTER(PJRT_Executable_Serialize, &args->executable->orders);
  PJRT_SerializedExecutable *bytes = make(BYTES, sizeof *bytes, NULL);
  snprintf(bytes->text, sizeof bytes->text, "outputs=%d donate=%d", args->executable->outputs, args->executable->donate);
  args->serialized_bytes = bytes->text;
  args->serialized_bytes_size = strlen(bytes->text);
  args->serialized_executable = bytes;
  args->serialized_executable_deleter = delete_executable;
  return NULL;
}

static PJRT_Error *Executable_DeserializeAndLoad(PJRT_Executable_DeserializeAndLoad_Args *args) {
  PJRT_Program program = {.code = (char *)args->serialized_executable, .code_size = args->serialized_executable_size};
  PJRT_Client_Compile_Args compile = {.struct_size = PJRT_Client_Compile_Args_STRUCT_SIZE, .client = args->client, .program = &program};
  PJRT_Error *error = Client_Compile(&compile);
  args->loaded_executable = compile.executable;
  return error;
}

// ---- Topologies ----

static PJRT_Error *TopologyDescription_Create(PJRT_TopologyDescription_Create_Args *args) {
  Orders orders = {0};
  PJRT_Error *error = read_orders(&orders, args->create_options, args->num_options);
  if (error != NULL) return error;
  ENTER(PJRT_TopologyDescription_Create, &orders);
  if (args->topology_name_size != 4 || memcmp(args->topology_name, "v1:2", 4) != 0) return error_of(5, "no such topology");
  if (!MALFORM(&orders, "PJRT_TopologyDescription_Create")) args->topology = topology_of(&orders, NULL);
  return NULL;
}

static PJRT_Error *TopologyDescription_Destroy(PJRT_TopologyDescription_Destroy_Args *args) {
  destroy(args->topology, TOPOLOGY);
  return NULL;
}

static PJRT_Error *TopologyDescription_PlatformName(PJRT_TopologyDescription_PlatformName_Args *args) {
  use(args->topology, TOPOLOGY);
  ENTER(PJRT_TopologyDescription_PlatformName, &args->topology->orders);
  args->platform_name = "fake";
  args->platform_name_size = 4;
  return NULL;
}

static PJRT_Error *TopologyDescription_PlatformVersion(PJRT_TopologyDescription_PlatformVersion_Args *args) {
  args->platform_version = "7";
  args->platform_version_size = 1;
  return NULL;
}

static PJRT_Error *TopologyDescription_GetDeviceDescriptions(PJRT_TopologyDescription_GetDeviceDescriptions_Args *args) {
  PJRT_TopologyDescription *topology = (PJRT_TopologyDescription *)args->topology;
  use(topology, TOPOLOGY);
  if (MALFORM(&topology->orders, "PJRT_TopologyDescription_GetDeviceDescriptions")) topology->list[0] = NULL;
  args->descriptions = topology->list;
  args->num_descriptions = DEVICES;
  return NULL;
}

static void delete_topology(PJRT_SerializedTopology *bytes) { destroy(bytes, BYTES); }

static PJRT_Error *TopologyDescription_Serialize(PJRT_TopologyDescription_Serialize_Args *args) {
  use(args->topology, TOPOLOGY);
  args->serialized_bytes = "v1:2";
  args->serialized_bytes_size = 4;
  args->serialized_topology = make(BYTES, sizeof(PJRT_SerializedTopology), NULL);
  args->serialized_topology_deleter = delete_topology;
  return NULL;
}

static PJRT_Error *Compile(PJRT_Compile_Args *args) {
  use(args->topology, TOPOLOGY);
  ENTER(PJRT_Compile, &args->topology->orders);
  int outputs, donate, partitions;
  if (!parse(args->program->code, args->program->code_size, &outputs, &donate, &partitions)) return error_of(3, "syntax error");
  if (MALFORM(&args->topology->orders, "PJRT_Compile")) return NULL;
  args->executable = make(EXECUTABLE, sizeof *args->executable, (void *)args->topology);
  args->executable->orders = args->topology->orders;
  args->executable->outputs = outputs;
  args->executable->donate = donate;
  return NULL;
}
