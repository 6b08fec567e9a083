const foundation = ['src/core', 'src/plan'];
const inputs = [...foundation, 'src/inputs'];
const executor = [...foundation, 'src/store', 'src/executor'];
const build = [
  ...inputs,
  'src/image',
  'src/definitions',
  'src/store',
  'src/sources',
  'src/executor',
  'src/sandbox',
  'src/machine',
  'src/engine',
  'src/remote',
  'src/repository',
  'stages',
];
const built = [...build, 'src/build'];

/**
 * The rooms, lowest first: what each may import of ours beside itself. docs/architecture.md says what they hold. Types count
 * like everything else, and no room imports `src/cli`, which may import all of them. eslint reads this table while one
 * writes; test/import-graph.test.ts proves it for the whole, cycles and what is imported in between included.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const rooms = {
  'src/core': [],
  'src/plan': ['src/core'],
  'src/inputs': foundation,
  'src/image': inputs,
  'src/definitions': inputs,
  'src/report': ['src/core'],
  'src/store': foundation,
  'src/sources': [...inputs, 'src/store'],
  arches: ['src/inputs'],
  stages: [...inputs, 'src/image', 'src/definitions'],
  'src/executor': [...foundation, 'src/store'],
  'src/sandbox': executor,
  'src/worker': [...executor, 'src/sandbox'],
  'src/guest-executor': [...executor, 'src/inputs', 'src/image', 'src/sources'],
  'src/machine': [...inputs, 'src/store'],
  'src/engine': executor,
  'src/remote': [...executor, 'src/sources', 'src/engine'],
  'src/virtfs': ['src/core', 'src/sources'],
  'src/emulator': ['src/core', 'src/inputs', 'src/image'],
  'src/guest': ['src/core', 'src/inputs', 'src/image'],
  'src/start': [],
  'src/repository': [
    ...inputs,
    'src/definitions',
    'src/image',
    'src/store',
    'src/machine',
    'src/start',
    'stages',
    'arches',
  ],
  'src/build': build,
  'src/release': built,
  'src/porting': [...built, 'src/emulator', 'src/release', 'arches'],
  'src/image-test': [...built, 'src/emulator', 'src/guest', 'src/release'],
  'src/system': [...built, 'src/guest-executor', 'src/release'],
  'src/native-build': [...built, 'src/guest', 'src/release'],
};

/** Rooms of pure functions over plain data: no clock, file system, process or network. */
export const pureRooms = ['stages', 'arches', 'src/plan', 'src/inputs', 'src/image', 'src/definitions'];
