module @scatter attributes {mhlo.num_partitions = 16 : i32, mhlo.num_replicas = 1 : i32} {
  sdy.mesh @mesh = <["data"=4, "model"=4]>
  func.func public @main(%x: tensor<32768x2048xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"data", "model"}, {}]>})
      -> (tensor<8192x2048xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"data", "model"}, {}]>},
          tensor<32768x512xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"data", "model"}, {}]>},
          tensor<2048x2048xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"data", "model"}, {}]>}) {
    %0:3 = sdy.manual_computation(%x)
        in_shardings=[<@mesh, [{"data", "model"}, {}]>]
        out_shardings=[<@mesh, [{"data", "model"}, {}]>, <@mesh, [{"data", "model"}, {}]>, <@mesh, [{"data", "model"}, {}]>]
        manual_axes={"data", "model"}
        (%a: tensor<2048x2048xbf16>) {
      %b = stablehlo.add %a, %a : tensor<2048x2048xbf16>
      %1 = "stablehlo.reduce_scatter"(%b) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, replica_groups = dense<[[0,1,2,3],[4,5,6,7],[8,9,10,11],[12,13,14,15]]> : tensor<4x4xi64>, scatter_dimension = 0 : i64, use_global_device_ids}> ({
      ^bb0(%p: tensor<bf16>, %q: tensor<bf16>):
        %sum = stablehlo.add %p, %q : tensor<bf16>
        stablehlo.return %sum : tensor<bf16>
      }) : (tensor<2048x2048xbf16>) -> tensor<512x2048xbf16> loc("scatter1")
      %2 = "stablehlo.reduce_scatter"(%b) <{channel_handle = #stablehlo.channel_handle<handle = 2, type = 1>, replica_groups = dense<[[0,1,2,3],[4,5,6,7],[8,9,10,11],[12,13,14,15]]> : tensor<4x4xi64>, scatter_dimension = 1 : i64, use_global_device_ids}> ({
      ^bb0(%p: tensor<bf16>, %q: tensor<bf16>):
        %sum = stablehlo.add %p, %q : tensor<bf16>
        stablehlo.return %sum : tensor<bf16>
      }) : (tensor<2048x2048xbf16>) -> tensor<2048x512xbf16> loc("scatter2")
      %3 = "stablehlo.reduce_scatter"(%b) <{channel_handle = #stablehlo.channel_handle<handle = 3, type = 1>, replica_groups = dense<[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]> : tensor<1x16xi64>, scatter_dimension = 0 : i64, use_global_device_ids}> ({
      ^bb0(%p: tensor<bf16>, %q: tensor<bf16>):
        %sum = stablehlo.add %p, %q : tensor<bf16>
        stablehlo.return %sum : tensor<bf16>
      }) : (tensor<2048x2048xbf16>) -> tensor<128x2048xbf16> loc("scatter3")
      sdy.return %1, %2, %3 : tensor<512x2048xbf16>, tensor<2048x512xbf16>, tensor<128x2048xbf16>
    } : (tensor<32768x2048xbf16>) -> (tensor<8192x2048xbf16>, tensor<32768x512xbf16>, tensor<2048x2048xbf16>)
    return %0#0, %0#1, %0#2 : tensor<8192x2048xbf16>, tensor<32768x512xbf16>, tensor<2048x2048xbf16>
  }
}
