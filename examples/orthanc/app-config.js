// OHIF's configuration: one DICOMweb server, the Orthanc behind the same address, and nothing else. OHIF's own
// configuration asks a public server in a cloud for studies; this one asks nobody but the address that it came from.
window.config = {
  name: 'hilum',
  routerBasename: '/',
  extensions: [],
  modes: [],
  // No tour over the first film, and no player for films over a secondary capture, which is one picture.
  customizationService: [{ 'ohif.tours': { $set: [] }, autoCineModalities: { $set: ['US'] } }],
  showStudyList: true,
  maxNumberOfWebWorkers: 2,
  showWarningMessageForCrossOrigin: true,
  showCPUFallbackMessage: false,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'orthanc',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'orthanc',
      configuration: {
        friendlyName: 'Orthanc on this machine',
        name: 'orthanc',
        wadoUriRoot: '/wado',
        qidoRoot: '/dicom-web',
        wadoRoot: '/dicom-web',
        qidoSupportsIncludeField: false,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        omitQuotationForMultipartRequest: true,
        bulkDataURI: { enabled: true, relativeResolution: 'studies' },
      },
    },
  ],
};
