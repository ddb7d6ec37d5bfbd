extension UNet2DConditionConfiguration: Encodable {
    private enum CodingKeys: String, CodingKey {
        case className = "_class_name"
        case sampleSize = "sample_size"
        case inChannels = "in_channels"
        case outChannels = "out_channels"
        case centerInputSample = "center_input_sample"
        case flipSinToCos = "flip_sin_to_cos"
        case freqShift = "freq_shift"
        case downBlockTypes = "down_block_types"
        case midBlockType = "mid_block_type"
        case upBlockTypes = "up_block_types"
        case onlyCrossAttention = "only_cross_attention"
        case midBlockOnlyCrossAttention = "mid_block_only_cross_attention"
        case blockOutChannels = "block_out_channels"
        case layersPerBlock = "layers_per_block"
        case attentionHeadDim = "attention_head_dim"
        case transformerLayersPerBlock = "transformer_layers_per_block"
        case usesLinearProjection = "use_linear_projection"
        case upcastsAttention = "upcast_attention"
        case midBlockScaleFactor = "mid_block_scale_factor"
        case normNumGroups = "norm_num_groups"
        case normEps = "norm_eps"
        case crossAttentionDim = "cross_attention_dim"
        case encoderHidDim = "encoder_hid_dim"
        case encoderHidDimType = "encoder_hid_dim_type"
        case additionEmbedType = "addition_embed_type"
        case additionTimeEmbedDim = "addition_time_embed_dim"
        case classEmbedType = "class_embed_type"
        case classCount = "num_class_embeds"
        case classWidth = "projection_class_embeddings_input_dim"
        case timeConditionWidth = "time_cond_proj_dim"
        case resnetTimeScaleShift = "resnet_time_scale_shift"
        case resnetSkipTimeAct = "resnet_skip_time_act"
        case resnetOutScaleFactor = "resnet_out_scale_factor"
        case timeEmbeddingDim = "time_embedding_dim"
        case convInKernel = "conv_in_kernel"
        case convOutKernel = "conv_out_kernel"
    }

    /// Writes the keys of the reference's `config.json`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("UNet2DConditionModel", forKey: .className)
        try container.encode(sampleSize, forKey: .sampleSize)
        try container.encode(inChannels, forKey: .inChannels)
        try container.encode(outChannels, forKey: .outChannels)
        try container.encode(centerInputSample, forKey: .centerInputSample)
        try container.encode(flipSinToCos, forKey: .flipSinToCos)
        try container.encode(freqShift, forKey: .freqShift)
        try container.encode(downBlockTypes, forKey: .downBlockTypes)
        try container.encode(midBlockType, forKey: .midBlockType)
        try container.encode(upBlockTypes, forKey: .upBlockTypes)
        try container.encode(onlyCrossAttention, forKey: .onlyCrossAttention)
        try container.encode(midBlockOnlyCrossAttention, forKey: .midBlockOnlyCrossAttention)
        try container.encode(blockOutChannels, forKey: .blockOutChannels)
        try container.encode(layersPerBlock, forKey: .layersPerBlock)
        try container.encode(attentionHeadDim, forKey: .attentionHeadDim)
        try container.encode(transformerLayersPerBlock, forKey: .transformerLayersPerBlock)
        try container.encode(usesLinearProjection, forKey: .usesLinearProjection)
        try container.encode(upcastsAttention, forKey: .upcastsAttention)
        try container.encode(midBlockScaleFactor, forKey: .midBlockScaleFactor)
        try container.encode(normNumGroups, forKey: .normNumGroups)
        try container.encode(normEps, forKey: .normEps)
        try container.encode(crossAttentionDim, forKey: .crossAttentionDim)
        if let projection = conditioning.projection {
            try container.encode(encoderHidDim, forKey: .encoderHidDim)
            try container.encode(projection, forKey: .encoderHidDimType)
        }
        try container.encodeIfPresent(conditioning.additionType, forKey: .additionEmbedType)
        if case .textTime(let numberWidth, let width) = conditioning {
            try container.encode(numberWidth, forKey: .additionTimeEmbedDim)
            try container.encode(width, forKey: .classWidth)
        }
        switch classEmbedding {
        case .timestep: try container.encode("timestep", forKey: .classEmbedType)
        case .identity: try container.encode("identity", forKey: .classEmbedType)
        case .labels(let count): try container.encode(count, forKey: .classCount)
        case .projection(let width):
            try container.encode("projection", forKey: .classEmbedType)
            try container.encode(width, forKey: .classWidth)
        case nil: break
        }
        try container.encodeIfPresent(timeConditionWidth, forKey: .timeConditionWidth)
        try container.encode(resnetTimeScaleShift, forKey: .resnetTimeScaleShift)
        try container.encode(resnetSkipTimeAct, forKey: .resnetSkipTimeAct)
        try container.encode(resnetOutScaleFactor, forKey: .resnetOutScaleFactor)
        try container.encode(timeEmbeddingDim, forKey: .timeEmbeddingDim)
        try container.encode(convInKernel, forKey: .convInKernel)
        try container.encode(convOutKernel, forKey: .convOutKernel)
    }
}
