extension EfficientNetLiteConfiguration {
    /// For each tensor of the tower and its classifier by timm's name, its name in the files of
    /// `efficientnet-lite-pytorch` (`_blocks.3._expand_conv.weight`), which number the blocks through.
    ///
    /// - Parameter prefix: What stands before timm's names, such as `visual.trunk.`.
    /// - Returns: timm's name to the original one; statistics included, `num_batches_tracked` not.
    ///
    /// Source: https://github.com/RangiLyu/EfficientNet-Lite, `efficientnet_lite.py`.
    package func originalNames(prefix: String = "") -> [String: String] {
        var names: [String: String] = [:]
        func convolution(_ timm: String, _ original: String) {
            names["\(prefix)\(timm).weight"] = "\(original).weight"
        }
        func normalisation(_ timm: String, _ original: String) {
            for part in ["weight", "bias", "running_mean", "running_var"] {
                names["\(prefix)\(timm).\(part)"] = "\(original).\(part)"
            }
        }
        convolution("conv_stem", "_conv_stem")
        normalisation("bn1", "_bn0")
        var index = 0
        for (s, stage) in stages.enumerated() {
            for (b, block) in stage.enumerated() {
                let timm = "blocks.\(s).\(b)"
                let original = "_blocks.\(index)"
                if block.expansion == 1 {
                    convolution("\(timm).conv_dw", "\(original)._depthwise_conv")
                    normalisation("\(timm).bn1", "\(original)._bn1")
                    convolution("\(timm).conv_pw", "\(original)._project_conv")
                    normalisation("\(timm).bn2", "\(original)._bn2")
                } else {
                    convolution("\(timm).conv_pw", "\(original)._expand_conv")
                    normalisation("\(timm).bn1", "\(original)._bn0")
                    convolution("\(timm).conv_dw", "\(original)._depthwise_conv")
                    normalisation("\(timm).bn2", "\(original)._bn1")
                    convolution("\(timm).conv_pwl", "\(original)._project_conv")
                    normalisation("\(timm).bn3", "\(original)._bn2")
                }
                index += 1
            }
        }
        convolution("conv_head", "_conv_head")
        normalisation("bn2", "_bn1")
        names["\(prefix)classifier.weight"] = "_fc.weight"
        names["\(prefix)classifier.bias"] = "_fc.bias"
        return names
    }
}
