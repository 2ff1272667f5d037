"""Small models made by hand for the tests: what exporters and other tools write, and what must be refused."""
import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as n


def const(name, values, dtype=np.float32):
    return n.from_array(np.asarray(values, dtype), name)


def rng(*shape):
    return (np.random.default_rng(len(shape) + shape[0]).standard_normal(shape) * 0.5).astype(np.float32)


def model(nodes, inits, shape=('N', 3, 8, 8), out=('N', 4), opset=17, inputs_too=False, ir=8, functions=()):
    inputs = [h.make_tensor_value_info('x', T.FLOAT, shape)]
    if inputs_too:  # IR version 3 lists initializers as inputs
        inputs += [h.make_tensor_value_info(i.name, i.data_type, i.dims) for i in inits]
    graph = h.make_graph(nodes, 'net', inputs, [h.make_tensor_value_info('y', T.FLOAT, out)], inits)
    return h.make_model(graph, opset_imports=[h.make_opsetid('', opset)], ir_version=ir)


N = h.make_node
W = const('w', rng(4, 3, 3, 3))


def head(out='y'):
    return [N('GlobalAveragePool', ['h'], ['g']), N('Flatten', ['g'], [out])]


def conv(out='c', **attrs):
    return N('Conv', ['x', 'w'], [out], **attrs)


def old_opset():
    """Opset 7, IR version 3: attributes for what are inputs today, Constant nodes, Dropout, Identity."""
    nodes = [N('Constant', [], ['shape'], value=const('', [-1, 4], np.int64)), conv(pads=[1, 1, 1, 1]),
             N('BatchNormalization', ['c', 'a', 'b', 'm', 'v'], ['n']), N('Clip', ['n'], ['r'], min=0.0, max=6.0),
             N('Identity', ['r'], ['i']), N('Dropout', ['i'], ['d', 'mask'], ratio=0.3),
             N('GlobalAveragePool', ['d'], ['g']), N('Reshape', ['g', 'shape'], ['y'])]
    inits = [W, const('a', [1, -2, .5, 0]), const('b', [1, 2, 3, 4]), const('m', [0, .1, .2, .3]), const('v', [1, 2, 3, 4])]
    return model(nodes, inits, opset=7, ir=3, inputs_too=True)


def shape_chain():
    """What torch wrote for x.view(x.size(0), -1)."""
    nodes = [conv(), N('GlobalAveragePool', ['c'], ['g']), N('Shape', ['g'], ['s']), N('Constant', [], ['zero'], value_int=0),
             N('Gather', ['s', 'zero'], ['n'], axis=0), N('Unsqueeze', ['n', 'axes'], ['n1']),
             N('Concat', ['n1', 'minus'], ['t'], axis=0), N('Reshape', ['g', 't'], ['y'])]
    return model(nodes, [W, const('axes', [0], np.int64), const('minus', [-1], np.int64)])


def slice_chain():
    """Shape - Slice - Concat - Reshape, the batch taken from another tensor of the graph."""
    nodes = [conv(), N('GlobalAveragePool', ['c'], ['g']), N('Shape', ['x'], ['s']), N('Slice', ['s', 'b', 'e'], ['n']),
             N('Mul', ['four', 'one'], ['c4']), N('Concat', ['n', 'c4'], ['t'], axis=0), N('Reshape', ['g', 't'], ['y'])]
    ints = lambda name, v: const(name, [v], np.int64)
    return model(nodes, [W, ints('b', 0), ints('e', 1), ints('four', 4), ints('one', 1)])


def hard_swish_small():
    """HardSwish and HardSigmoid in Add, Clip, Mul and Div; SiLU in Sigmoid and Mul."""
    nodes = [conv(), N('Add', ['c', 'three'], ['p']), N('Clip', ['p', 'zero', 'six'], ['k']), N('Mul', ['c', 'k'], ['m']),
             N('Div', ['m', 'six'], ['hs']), N('Sigmoid', ['hs'], ['s']), N('Mul', ['s', 'hs'], ['silu']),
             N('Add', ['silu', 'three'], ['p2']), N('Clip', ['p2', 'zero', 'six'], ['k2']),
             N('Div', ['k2', 'six'], ['gate']), N('Mul', ['silu', 'gate'], ['swish']),
             N('Add', ['swish', 'three'], ['p3']), N('Clip', ['p3', 'zero', 'six'], ['k3']),
             N('Mul', ['k3', 'sixth'], ['h'])] + head()
    s = lambda name, v: const(name, v)
    return model(nodes, [W, s('three', 3), s('zero', 0), s('six', 6), s('sixth', 1 / 6)])


def matmul_add():
    nodes = [conv(), N('ReduceMean', ['c'], ['g'], axes=[2, 3], keepdims=0), N('MatMul', ['g', 'fc'], ['m']),
             N('Add', ['bias', 'm'], ['y'])]
    return model(nodes, [W, const('fc', rng(4, 5)), const('bias', rng(5))], out=('N', 5))


def gemm_forms():
    """alpha, beta, no transB, C of [1,K]; then C a scalar; Squeeze in place of Flatten; a transposed constant."""
    nodes = [conv(), N('GlobalAveragePool', ['c'], ['g']), N('Squeeze', ['g', 'axes'], ['f']),
             N('Gemm', ['f', 'a', 'ca'], ['p'], alpha=0.5, beta=3.0), N('Transpose', ['b'], ['bt'], perm=[1, 0]),
             N('Gemm', ['p', 'bt', 'cb'], ['y'], transB=1)]
    inits = [W, const('axes', [2, -1], np.int64), const('a', rng(4, 6)), const('ca', rng(1, 6)), const('b', rng(6, 4)),
             const('cb', 0.25)]
    return model(nodes, inits)


def padding():
    """Pad with zeros before a Conv, auto_pad on both sides with a stride, a mean over the whole image."""
    nodes = [N('Pad', ['x', 'pads', 'zero'], ['p']), conv(pads=[0, 1, 1, 0], out='c'),
             N('Conv', ['c', 'w2'], ['d'], auto_pad='SAME_UPPER', strides=[2, 2]),
             N('Conv', ['d', 'w2'], ['e'], auto_pad='SAME_LOWER', strides=[2, 2]),
             N('MaxPool', ['e'], ['m'], kernel_shape=[2, 2], auto_pad='SAME_LOWER'),
             N('AveragePool', ['m'], ['g'], kernel_shape=[3, 2]), N('Flatten', ['g'], ['y'])]
    nodes[1].input[0] = 'p'
    pads = const('pads', [0, 0, 1, 0, 0, 0, 2, 1], np.int64)
    return model(nodes, [W, const('w2', rng(4, 4, 3, 3)), pads, const('zero', 0)], shape=('N', 3, 9, 8))


def squeeze_excite():
    nodes = [conv(), N('GlobalAveragePool', ['c'], ['g0']), N('Conv', ['g0', 'w1', 'b1'], ['s']), N('HardSigmoid', ['s'], ['t']),
             N('Mul', ['t', 'c'], ['u']), N('LeakyRelu', ['u'], ['l']), N('Max', ['l', 'low'], ['ma']),
             N('Min', ['high', 'ma'], ['mi']), N('Tanh', ['mi'], ['th']), N('Sum', ['th', 'l', 'u'], ['h'])] + head('f') + [
                 N('Softmax', ['f'], ['y'])]
    return model(nodes, [W, const('w1', rng(4, 4, 1, 1)), const('b1', rng(4)), const('low', -.5), const('high', .5)])


def movement():
    """Transpose, Concat from the end, Unsqueeze and Squeeze, Sub, Div, a scalar on the left, ConvTranspose, ceil_mode."""
    nodes = [N('ConvTranspose', ['x', 'wt', 'bt'], ['c'], strides=[2, 1], pads=[1, 0, 0, 1], output_padding=[1, 0]),
             N('Transpose', ['c'], ['t'], perm=[0, 1, 3, 2]), N('MaxPool', ['t'], ['m'], kernel_shape=[3, 2], strides=[2, 2],
                                                                ceil_mode=1, pads=[1, 0, 1, 1]),
             N('AveragePool', ['t'], ['a'], kernel_shape=[3, 2], strides=[2, 2], ceil_mode=0, count_include_pad=1,
               pads=[1, 0, 1, 1]),
             N('Concat', ['m', 'm'], ['mm'], axis=-3), N('Concat', ['a', 'a'], ['aa'], axis=1),
             N('ReduceMean', ['mm'], ['r'], axes=[3], keepdims=0), N('Unsqueeze', ['r', 'two'], ['u']),
             N('Squeeze', ['u', 'two'], ['q']), N('ReduceMean', ['q'], ['rr'], axes=[-1], keepdims=0),
             N('GlobalAveragePool', ['aa'], ['g']), N('Reshape', ['g', 'flat'], ['f']), N('Sub', ['half', 'f'], ['s']),
             N('Div', ['s', 'six'], ['d']), N('Add', ['d', 'rr'], ['y'])]
    inits = [const('wt', rng(3, 2, 3, 3)), const('bt', rng(2)), const('two', [2], np.int64), const('flat', [0, -1], np.int64),
             const('half', 0.5), const('six', [6, 7, 8, 9])]
    return model(nodes, inits)


def qdq(activation=np.int8, weight=True, fan_out=True, zero=0):
    """Q/DQ by hand: two DQ behind one Q, two Q of one tensor, an int8 weight per channel, an int32 bias."""
    q = np.random.default_rng(0).integers(-128, 128, (4, 3, 3, 3)).astype(np.int8)
    inits = [const('xs', 0.02), const('xz', zero, activation), const('ws', [.01, .02, .005, .03]), const('wz', [0] * 4, np.int8),
             const('wq', q, np.int8), const('bq', [100, -2000, 2 ** 30 + 1, 0], np.int32),
             const('bs', np.float32([.01, .02, .005, .03]) * np.float32(.02)), const('w2', rng(4, 3, 1, 1)),
             const('w2s', 0.007), const('w2z', 0, np.int8)]
    nodes = [N('QuantizeLinear', ['x', 'xs', 'xz'], ['xq']), N('DequantizeLinear', ['xq', 'xs', 'xz'], ['xd']),
             N('DequantizeLinear', ['xq', 'xs', 'xz'], ['xd2']), N('QuantizeLinear', ['x', 'xs', 'xz'], ['xq3']),
             N('DequantizeLinear', ['xq3', 'xs', 'xz'], ['xd3']),
             N('DequantizeLinear', ['wq', 'ws', 'wz'], ['wd'], axis=0), N('DequantizeLinear', ['bq', 'bs'], ['bd'], axis=0),
             N('Conv', ['xd', 'wd', 'bd'], ['c1'], pads=[1, 1, 1, 1]),
             N('QuantizeLinear', ['w2', 'w2s', 'w2z'], ['w2q']), N('DequantizeLinear', ['w2q', 'w2s', 'w2z'], ['w2d']),
             N('Conv', ['xd2', 'w2d'], ['c2']), N('Conv', ['xd3', 'wd', 'bd'], ['c3'], pads=[1, 1, 1, 1]),
             N('Add', ['c1', 'c2'], ['s']), N('Add', ['s', 'c3'], ['h'])] + head()
    return model(nodes, inits)


def qdq_u8():
    return qdq(np.uint8, zero=120)


def qdq_clip():
    """What torch writes for a range of 7 bits: a Clip of the integers."""
    m = qdq()
    m.graph.initializer.extend([const('lo', -64, np.int8), const('hi', 63, np.int8)])
    m.graph.node.insert(1, N('Clip', ['xq', 'lo', 'hi'], ['xk']))
    m.graph.node[2].input[0] = 'xk'
    return m


def qdq_shared():
    """A weight that two layers share, of which the second quantizes it again on a grid of its own."""
    nodes = [N('QuantizeLinear', ['x', 'xs', 'z'], ['xq']), N('DequantizeLinear', ['xq', 'xs', 'z'], ['xd']),
             N('DequantizeLinear', ['w8', 'ws', 'z'], ['wd']), N('Conv', ['xd', 'wd'], ['c'], pads=[1, 1, 1, 1]),
             N('Identity', ['wd'], ['w2']), N('QuantizeLinear', ['w2', 'ws2', 'z'], ['w2q']),
             N('DequantizeLinear', ['w2q', 'ws2', 'z'], ['w2d']), N('Conv', ['xd', 'w2d'], ['d'], pads=[1, 1, 1, 1]),
             N('Add', ['c', 'd'], ['h'])] + head()
    w8 = np.clip(np.rint(rng(4, 3, 3, 3) / 0.01), -127, 127)
    return model(nodes, [const('xs', 0.02), const('z', 0, np.int8), const('w8', w8, np.int8), const('ws', 0.01),
                         const('ws2', 0.017)])


def qdq_tied():
    """One initializer behind two Q/DQ pairs of different scales: each reader has a grid of its own."""
    m = qdq()
    m.graph.initializer.extend([const('coarse', 0.2), const('w3', rng(4, 4, 1, 1))])
    del m.graph.node[-2:]
    m.graph.node[-1].output[0] = 'a'
    m.graph.node.extend([N('QuantizeLinear', ['w3', 'w2s', 'w2z'], ['w3q']), N('DequantizeLinear', ['w3q', 'w2s', 'w2z'], ['w3d']),
                         N('QuantizeLinear', ['w3', 'coarse', 'w2z'], ['w4q']), N('DequantizeLinear', ['w4q', 'coarse', 'w2z'], ['w4d']),
                         N('Conv', ['a', 'w3d'], ['t1']), N('Conv', ['t1', 'w4d'], ['h'])] + head())
    return m


def broken(what):
    """Models that must be refused; all of them parse."""
    nodes, inits, kw = [conv('h')] + head(), [W], {}
    if what == 'cycle':
        nodes = [N('Add', ['x', 'q'], ['p']), N('Relu', ['p'], ['q'])] + nodes
        nodes[2].input[0] = 'q'
    elif what == 'missing_input':
        nodes[0].input[1] = 'nobody'
    elif what == 'twice':
        nodes.append(N('Relu', ['h'], ['g']))
    elif what == 'wrong_size':
        inits = [onnx.TensorProto(name='w', data_type=T.FLOAT, dims=[4, 3, 3, 3], raw_data=b'\0' * 400)]
    elif what == 'huge':
        inits = [onnx.TensorProto(name='w', data_type=T.FLOAT, dims=[2 ** 31, 2 ** 31, 2 ** 31, 3], raw_data=b'1234')]
    elif what == 'negative':
        inits = [onnx.TensorProto(name='w', data_type=T.FLOAT, dims=[-4, -3, 3, 3], raw_data=W.raw_data)]
    elif what == 'channels':
        inits = [const('w', rng(4, 5, 3, 3))]
    elif what == 'opset':
        kw = {'opset': 6}
    elif what == 'two_inputs':
        nodes.append(N('Add', ['y', 'extra'], ['yy']))
        m = model(nodes, inits)
        m.graph.input.append(h.make_tensor_value_info('extra', T.FLOAT, ['N', 4]))
        m.graph.output[0].name = 'yy'
        return m
    elif what == 'unsupported':
        nodes = [conv(), N('Erf', ['c'], ['e'], name='first'), N('LSTM', ['e'], ['l'], name='second'),
                 N('Softplus', ['l'], ['h'], name='third')] + head()
    elif what == 'extent':
        kw = {'shape': ('N', 3, 0, 8)}
    elif what == 'pads':
        nodes[0] = conv('h', pads=[1, 1, -1, 1])
    elif what == 'strides':
        nodes[0] = conv('h', strides=[0, 1])
    elif what == 'nan_weight':
        weight = rng(4, 3, 3, 3)
        weight[0, 0, 0, 0], weight[3, 2, 1, 0] = np.nan, -np.inf
        inits = [const('w', weight)]
    elif what in ('zero_scale', 'negative_scale', 'nan_scale', 'inf_scale', 'other_scale', 'lone_q', 'lone_dq', 'int16'):
        m = qdq()
        scale = {'zero_scale': 0, 'negative_scale': -1, 'nan_scale': np.nan, 'inf_scale': np.inf}.get(what)
        if scale is not None:
            m.graph.initializer[0].CopyFrom(const('xs', scale))
        elif what == 'other_scale':
            m.graph.initializer.append(const('xs2', 0.03))
            m.graph.node[1].input[1] = 'xs2'
        elif what == 'lone_q':
            m.graph.node[7].input[0] = 'xq'
        elif what == 'lone_dq':
            m.graph.node[1].input[0] = 'x'
        else:
            m.graph.initializer[1].CopyFrom(const('xz', 0, np.int16))
        return m
    elif what == 'sequence':
        m = model(nodes, inits)
        m.graph.input[0].type.CopyFrom(h.make_sequence_type_proto(h.make_tensor_type_proto(T.FLOAT, None)))
        return m
    else:
        raise KeyError(what)
    return model(nodes, inits, **kw)


def external(path, location, offset=0, length=None, size=None):
    """A model whose weight lies in another file."""
    m = model([conv('h')] + head(), [])
    entries = {'location': location, 'offset': str(offset)}
    if length is not None:
        entries['length'] = str(length)
    tensor = onnx.TensorProto(name='w', data_type=T.FLOAT, dims=[4, 3, 3, 3], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    m.graph.initializer.append(tensor)
    save(m, path)


def nested(path, location):
    """An If whose branches keep a constant in another file."""
    bias = onnx.TensorProto(name='b', data_type=T.FLOAT, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    bias.external_data.add(key='location', value=location)
    branch = h.make_graph([N('Add', ['g', 'b'], ['branch'])], 'branch', [], [h.make_tensor_value_info('branch', T.FLOAT, None)], [bias])
    m = model([conv('h')] + head('g') + [N('If', ['yes'], ['y'], then_branch=branch, else_branch=branch)],
              [W, const('yes', True, np.bool_)])
    save(m, path)


def located_twice():
    m = model([conv('h')] + head(), [])
    tensor = onnx.TensorProto(name='w', data_type=T.FLOAT, dims=[4, 3, 3, 3], data_location=onnx.TensorProto.EXTERNAL)
    for location in ('w.bin', 'v.bin'):
        tensor.external_data.add(key='location', value=location)
    m.graph.initializer.append(tensor)
    return m


def save(m, path):
    with open(path, 'wb') as f:
        f.write(m.SerializeToString())


def write(name, path):
    parts = name.split(':')
    if parts[0] in ('external', 'nested'):
        return globals()[parts[0]](path, *parts[1:])
    m = broken(parts[1]) if parts[0] == 'broken' else globals()[parts[0]]()
    if parts[0] not in ('broken', 'old_opset', 'located_twice'):  # shape inference does not know Constant's oldest form
        onnx.checker.check_model(m, full_check=True)
    save(m, path)
