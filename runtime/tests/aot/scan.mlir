module @scan attributes {mhlo.num_partitions = 8 : i32, mhlo.num_replicas = 1 : i32} {
  sdy.mesh @mesh = <["data"=2, "model"=4]>
  func.func public @main(
      %x: tensor<64x256xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]>},
      %w: tensor<6x256x1024xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}, {"model"}]>},
      %v: tensor<6x1024x256xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"model"}, {}]>})
      -> (tensor<64x256xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]>},
          tensor<64x256xbf16> {sdy.sharding = #sdy.sharding<@mesh, [{"data", "model"}, {}]>}) {
    %0:2 = sdy.manual_computation(%x, %w, %v)
        in_shardings=[<@mesh, [{"data"}, {}]>, <@mesh, [{}, {}, {"model"}]>, <@mesh, [{}, {"model"}, {}]>]
        out_shardings=[<@mesh, [{"data"}, {}]>, <@mesh, [{"data", "model"}, {}]>]
        manual_axes={"data", "model"}
        (%x0: tensor<32x256xbf16>, %ws: tensor<6x256x256xbf16>, %vs: tensor<6x256x256xbf16>) {
      %zero = stablehlo.constant dense<0> : tensor<i32>
      %one = stablehlo.constant dense<1> : tensor<i32>
      %layers = stablehlo.constant dense<6> : tensor<i32>
      %1:2 = stablehlo.while(%i = %zero, %h = %x0) : tensor<i32>, tensor<32x256xbf16>
      cond {
        %more = stablehlo.compare LT, %i, %layers, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
        stablehlo.return %more : tensor<i1>
      } do {
        %w3 = stablehlo.dynamic_slice %ws, %i, %zero, %zero, sizes = [1, 256, 256] : (tensor<6x256x256xbf16>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x256x256xbf16>
        %w2 = stablehlo.reshape %w3 : (tensor<1x256x256xbf16>) -> tensor<256x256xbf16>
        %v3 = stablehlo.dynamic_slice %vs, %i, %zero, %zero, sizes = [1, 256, 256] : (tensor<6x256x256xbf16>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x256x256xbf16>
        %v2 = stablehlo.reshape %v3 : (tensor<1x256x256xbf16>) -> tensor<256x256xbf16>
        %a = stablehlo.dot_general %h, %w2, contracting_dims = [1] x [0] : (tensor<32x256xbf16>, tensor<256x256xbf16>) -> tensor<32x256xbf16> loc("layers/feed_forward/up")
        %b = stablehlo.tanh %a : tensor<32x256xbf16>
        %c = stablehlo.dot_general %b, %v2, contracting_dims = [1] x [0] : (tensor<32x256xbf16>, tensor<256x256xbf16>) -> tensor<32x256xbf16> loc("layers/feed_forward/down")
        %d = "stablehlo.all_reduce"(%c) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>, replica_groups = dense<[[0, 1, 2, 3], [4, 5, 6, 7]]> : tensor<2x4xi64>, use_global_device_ids}> ({
        ^bb0(%p: tensor<bf16>, %q: tensor<bf16>):
          %sum = stablehlo.add %p, %q : tensor<bf16>
          stablehlo.return %sum : tensor<bf16>
        }) : (tensor<32x256xbf16>) -> tensor<32x256xbf16> loc("layers/feed_forward/all_reduce")
        %e = stablehlo.add %h, %d : tensor<32x256xbf16>
        %next = stablehlo.add %i, %one : tensor<i32>
        stablehlo.return %next, %e : tensor<i32>, tensor<32x256xbf16>
      }
      %2 = "stablehlo.collective_permute"(%1#1) <{channel_handle = #stablehlo.channel_handle<handle = 2, type = 0>, source_target_pairs = dense<[[0, 4], [1, 5], [2, 6], [3, 7]]> : tensor<4x2xi64>}> : (tensor<32x256xbf16>) -> tensor<32x256xbf16> loc("shift/permute")
      %3 = "stablehlo.reduce_scatter"(%1#1) <{channel_handle = #stablehlo.channel_handle<handle = 3, type = 0>, replica_groups = dense<[[0, 1, 2, 3], [4, 5, 6, 7]]> : tensor<2x4xi64>, scatter_dimension = 0 : i64, use_global_device_ids}> ({
      ^bb0(%p: tensor<bf16>, %q: tensor<bf16>):
        %sum = stablehlo.add %p, %q : tensor<bf16>
        stablehlo.return %sum : tensor<bf16>
      }) : (tensor<32x256xbf16>) -> tensor<8x256xbf16> loc("loss/reduce_scatter")
      sdy.return %2, %3 : tensor<32x256xbf16>, tensor<8x256xbf16>
    } : (tensor<64x256xbf16>, tensor<6x256x1024xbf16>, tensor<6x1024x256xbf16>) -> (tensor<64x256xbf16>, tensor<64x256xbf16>)
    return %0#0, %0#1 : tensor<64x256xbf16>, tensor<64x256xbf16>
  }
}
