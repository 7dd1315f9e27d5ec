//! The layers as operations of Burn's CPU back end, with gradients of their own.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, DType, Flex, backend_extension};
use burn::tensor::{Bytes, Shape};
use cohort_kernels::layers::conv;
use cohort_kernels::layers::geometry::{Finish, Geometry};
use cohort_kernels::layers::pool::{self, Windows};
use cohort_kernels::layers::{depthwise, norm, prelu};

/// What [`super`] adds to the back end. Tensors are `f32`; shapes are checked by the callers.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait FastOps: Backend {
    /// Convolution without bias.
    fn fast_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self>;

    /// Convolution with bias, and ReLU where wanted; with gradients there must be no ReLU.
    fn fast_conv2d_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
        relu: bool,
    ) -> FloatTensor<Self>;

    /// Batch norm over the batch's statistics, and ReLU where wanted: output, mean and population
    /// variance of each channel. The statistics carry no gradient.
    fn fast_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Values below zero times a slope, one for all channels or one for each.
    fn fast_prelu(x: FloatTensor<Self>, alpha: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Largest values of windows: `[planes, down, along]`.
    fn fast_max_pool(x: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self>;
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::from(shape.to_vec()));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

fn batched(batch: usize, [channels, height, width]: [usize; 3]) -> [usize; 4] {
    [batch, channels, height, width]
}

/// Pictures, channels and pixels of a `[batch, channels, height, width]` tensor.
fn dims(x: &FlexTensor) -> norm::Dims {
    let shape = x.layout().shape();
    [shape[0], shape[1], shape[2] * shape[3]]
}

fn convolved(g: &Geometry, x: &[f32], weight: &[f32], finish: Finish<'_>) -> Vec<f32> {
    match g.depthwise {
        true => depthwise::forward(g, x, weight, finish),
        false => conv::forward(g, x, weight, finish),
    }
}

impl FastOps for Flex {
    fn fast_conv2d(x: FlexTensor, weight: FlexTensor, g: Geometry) -> FlexTensor {
        let [x, weight] = [x, weight].map(|t| t.to_contiguous());
        let out = convolved(&g, x.storage(), weight.storage(), Finish::default());
        tensor(out, &batched(g.batch, g.output))
    }

    fn fast_conv2d_bias(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        g: Geometry,
        relu: bool,
    ) -> FlexTensor {
        let [x, weight, bias] = [x, weight, bias].map(|t| t.to_contiguous());
        let finish = Finish {
            bias: Some(bias.storage()),
            relu,
        };
        let out = convolved(&g, x.storage(), weight.storage(), finish);
        tensor(out, &batched(g.batch, g.output))
    }

    fn fast_batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        relu: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [x, gamma, beta] = [x, gamma, beta].map(|t| t.to_contiguous());
        let line = [gamma.storage(), beta.storage()];
        let out = norm::forward(x.storage(), dims(&x), line, epsilon, relu);
        let channels = [out.mean.len()];
        (
            tensor(out.output, x.layout().shape()),
            tensor(out.mean, &channels),
            tensor(out.variance, &channels),
        )
    }

    fn fast_prelu(x: FlexTensor, alpha: FlexTensor) -> FlexTensor {
        let [x, alpha] = [x, alpha].map(|t| t.to_contiguous());
        let out = prelu::forward(x.storage(), dims(&x), alpha.storage());
        tensor(out, x.layout().shape())
    }

    fn fast_max_pool(x: FlexTensor, windows: Windows) -> FlexTensor {
        let x = x.to_contiguous();
        let [rows, columns] = windows.output();
        let out = pool::forward(&windows, x.storage());
        tensor(out, &[windows.planes, rows, columns])
    }
}

/// Gradients of a convolution; registers those that are wanted.
fn conv_backward<const N: usize>(
    ops: Ops<(NodeId, NodeId, Geometry), N>,
    grads: &mut Gradients,
    checkpointer: &mut Checkpointer,
) {
    let (x, weight, g) = ops.state;
    let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
    let x: FlexTensor = checkpointer.retrieve_node_output(x);
    let weight: FlexTensor = checkpointer.retrieve_node_output(weight);
    let [x, weight] = [x, weight].map(|t| t.to_contiguous());
    let mut parents = ops.parents.into_iter();
    if let Some(node) = parents.next().flatten() {
        let gradient = match g.depthwise {
            true => depthwise::input_gradient(&g, dy.storage(), weight.storage()),
            false => conv::input_gradient(&g, dy.storage(), weight.storage()),
        };
        grads.register::<Flex>(node.id, tensor(gradient, &batched(g.batch, g.input)));
    }
    if let Some(node) = parents.next().flatten() {
        let gradient = match g.depthwise {
            true => depthwise::weight_gradient(&g, x.storage(), dy.storage()),
            false => conv::weight_gradient(&g, x.storage(), dy.storage()),
        };
        grads.register::<Flex>(node.id, tensor(gradient, weight.layout().shape()));
    }
    if let Some(node) = parents.next().flatten() {
        let gradient = conv::bias_gradient(&g, dy.storage());
        grads.register::<Flex>(node.id, tensor(gradient, &[g.output[0]]));
    }
}

#[derive(Debug)]
struct Convolution;

impl<const N: usize> Backward<Flex, N> for Convolution {
    type State = (NodeId, NodeId, Geometry);

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        conv_backward(ops, grads, checkpointer);
    }
}

#[derive(Debug)]
struct BatchNorm;

/// What batch norm keeps for its gradients.
#[derive(Debug, Clone)]
struct BatchNormState {
    x: NodeId,
    gamma: NodeId,
    beta: NodeId,
    mean: FlexTensor,
    variance: FlexTensor,
    epsilon: f64,
    relu: bool,
}

impl Backward<Flex, 3> for BatchNorm {
    type State = BatchNormState;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let state = ops.state;
        let mut dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [x, gamma, beta] = [state.x, state.gamma, state.beta].map(|id| {
            let tensor: FlexTensor = checkpointer.retrieve_node_output(id);
            tensor.to_contiguous()
        });
        let dims = dims(&x);
        let channel = [&gamma, &beta, &state.mean, &state.variance].map(|t| t.storage());
        let (d_gamma, d_beta) = norm::backward(
            x.storage(),
            dy.storage_mut(),
            dims,
            channel,
            state.epsilon,
            state.relu,
        );
        let [to_x, to_gamma, to_beta] = ops.parents;
        if let Some(node) = to_x {
            grads.register::<Flex>(node.id, dy);
        }
        if let Some(node) = to_gamma {
            grads.register::<Flex>(node.id, tensor(d_gamma, &[dims[1]]));
        }
        if let Some(node) = to_beta {
            grads.register::<Flex>(node.id, tensor(d_beta, &[dims[1]]));
        }
    }
}

#[derive(Debug)]
struct PRelu;

impl Backward<Flex, 2> for PRelu {
    type State = (NodeId, NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let (x, alpha) = ops.state;
        let mut dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [x, alpha] = [x, alpha].map(|id| {
            let tensor: FlexTensor = checkpointer.retrieve_node_output(id);
            tensor.to_contiguous()
        });
        let slopes = prelu::backward(x.storage(), dy.storage_mut(), dims(&x), alpha.storage());
        let [to_x, to_alpha] = ops.parents;
        if let Some(node) = to_x {
            grads.register::<Flex>(node.id, dy);
        }
        if let Some(node) = to_alpha {
            let shape = [slopes.len()];
            grads.register::<Flex>(node.id, tensor(slopes, &shape));
        }
    }
}

#[derive(Debug)]
struct MaxPool;

impl Backward<Flex, 1> for MaxPool {
    type State = (NodeId, Windows);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let (x, windows) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let x: FlexTensor = checkpointer.retrieve_node_output(x);
        let x = x.to_contiguous();
        let [to_x] = ops.parents;
        if let Some(node) = to_x {
            let dx = pool::backward(&windows, x.storage(), dy.storage());
            grads.register::<Flex>(node.id, tensor(dx, x.layout().shape()));
        }
    }
}

impl<C: CheckpointStrategy> FastOps for Autodiff<Flex, C> {
    fn fast_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        g: Geometry,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight), g);
                let out = Flex::fast_conv2d(x.into_primitive(), weight.into_primitive(), g);
                prep.finish(state, out)
            }
            OpsKind::UnTracked(prep) => {
                let out = Flex::fast_conv2d(x.into_primitive(), weight.into_primitive(), g);
                prep.finish(out)
            }
        }
    }

    fn fast_conv2d_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        g: Geometry,
        relu: bool,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight), g);
                let [x, weight, bias] = [x, weight, bias].map(|t| t.into_primitive());
                prep.finish(state, Flex::fast_conv2d_bias(x, weight, bias, g, relu))
            }
            OpsKind::UnTracked(prep) => {
                let [x, weight, bias] = [x, weight, bias].map(|t| t.into_primitive());
                prep.finish(Flex::fast_conv2d_bias(x, weight, bias, g, relu))
            }
        }
    }

    fn fast_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let (out, mean, variance) = match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let [x_id, gamma_id, beta_id] = [&x, &gamma, &beta].map(|t| prep.checkpoint(t));
                let [x, gamma, beta] = [x, gamma, beta].map(|t| t.into_primitive());
                let (out, mean, variance) = Flex::fast_batch_norm(x, gamma, beta, epsilon, relu);
                let state = BatchNormState {
                    x: x_id,
                    gamma: gamma_id,
                    beta: beta_id,
                    mean: mean.clone(),
                    variance: variance.clone(),
                    epsilon,
                    relu,
                };
                (prep.finish(state, out), mean, variance)
            }
            OpsKind::UnTracked(prep) => {
                let [x, gamma, beta] = [x, gamma, beta].map(|t| t.into_primitive());
                let (out, mean, variance) = Flex::fast_batch_norm(x, gamma, beta, epsilon, relu);
                (prep.finish(out), mean, variance)
            }
        };
        (out, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn fast_prelu(x: FloatTensor<Self>, alpha: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [x.node(), alpha.node()];
        match PRelu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&alpha));
                let out = Flex::fast_prelu(x.into_primitive(), alpha.into_primitive());
                prep.finish(state, out)
            }
            OpsKind::UnTracked(prep) => {
                let out = Flex::fast_prelu(x.into_primitive(), alpha.into_primitive());
                prep.finish(out)
            }
        }
    }

    fn fast_max_pool(x: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self> {
        match MaxPool.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), windows);
                let out = Flex::fast_max_pool(x.into_primitive(), windows);
                prep.finish(state, out)
            }
            OpsKind::UnTracked(prep) => {
                let out = Flex::fast_max_pool(x.into_primitive(), windows);
                prep.finish(out)
            }
        }
    }
}
