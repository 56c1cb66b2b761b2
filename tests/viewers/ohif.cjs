// What OHIF does with an SR document, asked of its own published code.
//
//   node ohif.cjs PACKAGE < document.json
//
// PACKAGE is the unpacked npm package @ohif/extension-cornerstone-dicom-sr; document.json is
// {instance, images}: a data set with keywords for tags, and the SOP Instance UIDs of images that
// are open beside it. Prints {handled, measurements, failed, text} as JSON. The rest of the viewer
// is stood in for by what answers anything.
'use strict';
const Module = require('module');
const path = require('path');
const fs = require('fs');

const anything = () =>
  new Proxy(class {}, {
    get: (target, name) => {
      if (name === 'prototype') return target.prototype;
      if (name === Symbol.toPrimitive) return () => '';
      return name === 'then' ? undefined : anything();
    },
    apply: () => anything(),
  });
const answering = known =>
  new Proxy(known, { get: (all, name) => (name in all ? all[name] : anything()) });

const SR = '1.2.840.10008.5.1.4.1.1.88.';
const stands = {
  '@ohif/core': {
    utils: answering({
      sopClassDictionary: answering({
        BasicTextSR: SR + '11',
        EnhancedSR: SR + '22',
        ComprehensiveSR: SR + '33',
        Comprehensive3DSR: SR + '34',
      }),
      guid: () => '1',
      sortStudyInstances: all => all,
      sortDisplaySetsCopy: all => [...all],
    }),
    classes: {
      MetadataProvider: { getUIDsFromImageID: id => ({ SOPInstanceUID: id, frameNumber: 1 }) },
    },
  },
  '@cornerstonejs/adapters': {
    adaptersSR: {
      Cornerstone3D: answering({
        CodeScheme: answering({ CodingSchemeDesignator: 'CORNERSTONEJS' }),
        COMMENT_CODE: { value: '121106', schemeDesignator: 'DCM' },
        MeasurementReport: {
          getAdapterForTrackingIdentifier: () => undefined,
          getAdaptersForTypes: () => [],
        },
      }),
    },
  },
};
const load = Module._load;
Module._load = function (name, ...rest) {
  if (name in stands) return answering(stands[name]);
  return name.startsWith('@') || name === 'gl-matrix' ? anything() : load.call(this, name, ...rest);
};

// As the viewer's reader has it: a sequence also answers for its first item.
function readable(value) {
  if (Array.isArray(value)) {
    return new Proxy(value.map(readable), {
      get: (all, name) =>
        name in all || typeof name === 'symbol' ? all[name] : all[0] ? all[0][name] : undefined,
    });
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, readable(v)]));
}

async function shown(element, found) {
  if (element === null || element === undefined || typeof element === 'boolean') return;
  if (typeof element !== 'object') return void found.push(String(element));
  if (Array.isArray(element)) {
    for (const one of element) await shown(one, found);
    return;
  }
  let { type } = element;
  while (type && type._init) {
    try {
      type = type._init(type._payload);
    } catch (waiting) {
      await waiting;
    }
  }
  await shown(typeof type === 'function' ? type(element.props) : element.props.children, found);
}

async function main() {
  const folder = path.resolve(process.argv[2]);
  const described = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const extension = require(path.join(folder, described.main)).default;
  const { instance, images } = JSON.parse(fs.readFileSync(0, 'utf8'));
  const displaySetService = answering({
    activeDisplaySets: [{ StudyInstanceUID: instance.StudyInstanceUID, displaySetInstanceUID: 'i' }],
    subscribe: () => ({ unsubscribe() {} }),
    EVENTS: {},
  });
  const managers = {
    servicesManager: {
      services: answering({
        displaySetService,
        customizationService: { getCustomization: () => undefined },
      }),
    },
    extensionManager: { getDataSources: () => [{ getImageIdsForDisplaySet: () => images }] },
  };
  const handler = extension
    .getSopClassHandlerModule(managers)
    .find(one => one.sopClassUids.includes(instance.SOPClassUID));
  const told = { handled: Boolean(handler), measurements: false, failed: null, text: [] };
  if (handler) {
    const [set] = handler.getDisplaySetsFromSeries([readable(instance)]);
    told.measurements = Boolean(set.isImagingMeasurementReport);
    try {
      await set.load();
      if (!told.measurements) {
        const [viewport] = extension.getViewportModule(managers);
        await shown(viewport.component({ displaySets: [set] }), told.text);
      }
    } catch (error) {
      told.failed = String(error);
    }
  }
  process.stdout.write(JSON.stringify(told));
}

console.warn = console.log = () => {};
main();
