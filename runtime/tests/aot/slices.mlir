module @slices attributes {mhlo.num_partitions = 16 : i32, mhlo.num_replicas = 1 : i32} {
  sdy.mesh @mesh = <["stage"=2, "data"=8]>
  func.func public @main(%x: tensor<1024x512xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"stage", "data"}, {}]>})
      -> (tensor<1024x512xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"stage", "data"}, {}]>},
          tensor<1024x512xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"stage", "data"}, {}]>}) {
    %0:2 = sdy.manual_computation(%x)
        in_shardings=[<@mesh, [{"stage", "data"}, {}]>]
        out_shardings=[<@mesh, [{"stage", "data"}, {}]>, <@mesh, [{"stage", "data"}, {}]>]
        manual_axes={"stage", "data"}
        (%a: tensor<64x512xf32>) {
      %1 = "stablehlo.collective_permute"(%a) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>, source_target_pairs = dense<[[0, 8], [1, 9], [2, 10], [3, 11], [4, 12], [5, 13], [6, 14], [7, 15]]> : tensor<8x2xi64>}> : (tensor<64x512xf32>) -> tensor<64x512xf32> loc("stage/permute")
      %2 = "stablehlo.all_reduce"(%a) <{channel_handle = #stablehlo.channel_handle<handle = 2, type = 0>, replica_groups = dense<[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]> : tensor<1x16xi64>, use_global_device_ids}> ({
      ^bb0(%p: tensor<f32>, %q: tensor<f32>):
        %sum = stablehlo.add %p, %q : tensor<f32>
        stablehlo.return %sum : tensor<f32>
      }) : (tensor<64x512xf32>) -> tensor<64x512xf32> loc("gradients/all_reduce")
      sdy.return %1, %2 : tensor<64x512xf32>, tensor<64x512xf32>
    } : (tensor<1024x512xf32>) -> (tensor<1024x512xf32>, tensor<1024x512xf32>)
    return %0#0, %0#1 : tensor<1024x512xf32>, tensor<1024x512xf32>
  }
}
