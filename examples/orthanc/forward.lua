-- Every radiograph that reaches Orthanc goes on to the node. What the node itself sends does not, or its results would
-- come back to it for ever: they are told by who sent them, by their modality and by the root of their UIDs.
-- Orthanc tries once. What the node misses while it is down it finds by itself: see [[sources]] in node.toml.
local OWN = '2.25.186615850606516105858710330429095754321.'
local FILMS = { CR = true, DX = true }

function OnStoredInstance(instance, tags, metadata, origin)
  local from_node = origin['RequestOrigin'] == 'DicomProtocol' and origin['RemoteAet'] == 'HILUM'
  local own = string.sub(tags['SOPInstanceUID'] or '', 1, #OWN) == OWN
  if FILMS[tags['Modality']] and not from_node and not own then
    SendToModality(instance, 'hilum')
  end
end
